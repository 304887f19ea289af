"""Checks whether plan and fact are as they should be, and tells a webhook when they no longer are."""
