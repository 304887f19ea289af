"""Where readings come from: generated, measured, or out of a file."""
