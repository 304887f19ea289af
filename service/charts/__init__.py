"""Charts: reads the numbers of one, compares its tag, draws the picture in a worker process, and keeps it."""
