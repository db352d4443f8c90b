"""A node put together and run: the only place that knows every part."""
