"""Benchmarks, each of which prints a table of ratios that were measured in one run."""
