"""What every request passes before its route: proxies, the prefix, the host, and where it comes from."""
