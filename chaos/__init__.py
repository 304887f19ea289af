"""A history checker: identified batches by the thousand while everything that can fail is made to fail."""
