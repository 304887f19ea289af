"""Traces of what the service does, where a collector of OpenTelemetry wants them."""
