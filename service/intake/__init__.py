"""A reading on its way in: checked, packed into the rows of a batch, and handed to the writer."""
