"""Templates, scripts and styles for browsers, and the modules that prepare them."""
