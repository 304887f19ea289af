"""How the service runs: as a process, on its sockets, until it is told to stop."""
