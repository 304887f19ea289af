"""The embedded engine: TimescaleDB as WebAssembly in a Node process, for trying the service, the demo and tests."""
