"""The embedded engine: TimescaleDB as WebAssembly in a Node process, for a first look, a demo and tests."""
