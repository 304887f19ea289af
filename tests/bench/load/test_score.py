"""The results of a load."""

import pytest

from bench.load.board import Spread
from bench.load.score import Latencies


def test_percentiles_are_right_to_a_few_percent() -> None:
    latencies, more = Latencies(), Latencies()
    for number in range(1, 901):
        latencies.add(number / 1000)
    for number in range(901, 1001):
        more.add(number / 1000)
    latencies.join(more)
    assert latencies.count == 1000
    assert latencies.percentile(0.5) == pytest.approx(0.5, rel=0.02)
    assert latencies.percentile(0.99) == pytest.approx(0.99, rel=0.02)
    assert latencies.percentile(1) <= latencies.longest == 1
    assert Latencies().percentile(0.5) == 0
    assert str(Spread.of(latencies)).startswith("p50 50")
