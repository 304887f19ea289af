"""The formats that readings come in, a module each: text or bytes -> packer."""
