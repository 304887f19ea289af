"""Looks an installation over: what is there, how it does, and what should be mended."""
