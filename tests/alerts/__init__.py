"""Tests of `service/alerts`."""
