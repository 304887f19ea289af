"""The wire formats of readings, one module each. They read text or bytes, and add readings to a packer."""
