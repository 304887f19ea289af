"""Fixtures of these tests."""

from tests.emitters import emitters as emitters
