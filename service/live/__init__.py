"""The live page: all viewers of a view share its snapshots."""
