"""The commands: run, fill and replay, each on a producer."""
