"""The sources of live readings."""

from datetime import UTC, datetime

import pytest

from emitter.data.sources import CpuSource, RandomSource

NOW = datetime(2026, 3, 18, 12, 0, 5, tzinfo=UTC)


def test_a_random_pair_for_each_series() -> None:
    readings = RandomSource().read(NOW, ["a", "b"])
    assert [reading.series for reading in readings] == ["a", "b"]
    assert all(reading.ts == NOW and 30 <= (reading.plan or 0) <= 50 for reading in readings)


def test_cpu_use_is_the_fact_and_its_slow_average_the_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    used = iter([0.0, 10.0, 90.0, 90.0])
    monkeypatch.setattr("emitter.data.sources.psutil.cpu_percent", lambda interval: next(used))
    source = CpuSource(60)
    assert source.read(NOW, ["cpu"]) == []
    pairs = [(reading.plan, reading.fact) for _ in range(3) for reading in source.read(NOW, ["cpu"])]
    assert pairs == [(10, 10), (10, 90), (17.6, 90)]
