"""Producers of readings: one to import or to copy, and commands upon it. Meets the service on the wire alone."""
