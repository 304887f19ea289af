"""Charts: the numbers read, the tag known by them, the picture drawn in a worker and kept."""
