"""Fixtures for the tests of the benchmarks."""

from tests.emitters import emitters as emitters
