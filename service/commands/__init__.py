"""The commands that don't run the service, but work on its database, also beside it."""
