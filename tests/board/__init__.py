"""Tests of `service/board`."""
