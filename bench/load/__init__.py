"""The load generator: many connections that send as much as a service takes, and what it makes of it."""
