"""The admin API: every operation over HTTP, described by OpenAPI 3.1. Nothing can be done in a page that
cannot be done here."""
