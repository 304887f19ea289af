"""The commands run, fill and replay, each of which uses a producer."""
