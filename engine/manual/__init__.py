"""The manual as pages: what stands in `docs/`, for the console, and as a site that needs no server."""
