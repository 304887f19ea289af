"""Periodic maintenance while the service runs."""
