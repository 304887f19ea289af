"""Times as people write them, and periods cut into steps. Nothing here reads or writes anything."""
