"""Pages and endpoints for people and monitoring, apart from the data network."""
