"""A producer of readings to import or to copy, and commands that use it. It shares no code with the service, only the
wire protocol."""
