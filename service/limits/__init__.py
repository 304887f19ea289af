"""What clients may take of the service: memory, connections and time."""
