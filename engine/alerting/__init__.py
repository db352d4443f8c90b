"""Telling people on duty, once, that something is not as it was promised, and once that it is over."""
