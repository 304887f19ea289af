"""`GET /chart`."""
