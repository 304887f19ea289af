"""Runs the service as a process: its sockets, its signals, and an orderly stop."""
