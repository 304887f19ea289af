"""What looks over the code itself."""
