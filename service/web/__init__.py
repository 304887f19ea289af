"""What browsers get: templates, scripts and style, and the two modules that serve them."""
