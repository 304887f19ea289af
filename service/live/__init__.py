"""The live page: one look at the data serves all its viewers."""
