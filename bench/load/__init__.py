"""The load generator: sends as much as a service accepts over many connections, and measures the acknowledgements."""
