"""Times as people write them, and periods of time cut into steps. No I/O."""
