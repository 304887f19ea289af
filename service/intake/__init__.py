"""The way of readings into the service: they are checked, packed into the rows of a batch, and handed to the writer."""
