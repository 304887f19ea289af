"""Fixtures for the tests of the emitter."""

from tests.emitters import emitters as emitters
