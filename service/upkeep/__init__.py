"""What has to be done now and then while the service runs."""
