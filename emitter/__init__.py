"""Producers of readings: the live emitter, fill and replay. Meets the service on the wire alone."""
