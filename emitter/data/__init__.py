"""The sources of readings: generated, measured, or read from a file."""
