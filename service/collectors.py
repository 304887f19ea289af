"""What is looked up whenever the Prometheus metrics are read: the state of background jobs, where series stand, and how
far behind rollups and standby servers are."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector


class Reported(Protocol):
    """What the metrics need to know about a background job of the database."""

    @property
    def id(self) -> int: ...
    @property
    def policy(self) -> str: ...
    @property
    def relation(self) -> str | None: ...
    @property
    def every(self) -> timedelta: ...
    @property
    def failures(self) -> int: ...
    @property
    def age(self) -> float: ...
    @property
    def last_success(self) -> datetime | None: ...
    @property
    def in_trouble(self) -> bool: ...


class Figure(NamedTuple):
    """Where a series stands: plan that is due, fact, and by how much the fact is ahead."""

    series: str
    plan: float | None
    fact: float | None
    ahead: float


class Delays(NamedTuple):
    """How far behind the database is: for each rollup the seconds since its watermark; for each standby server, by name
    and address, the seconds and bytes that it still has to replay, or None where they aren't known."""

    rollups: Sequence[tuple[str, float]] = ()
    standbys: Sequence[tuple[str, str, float | None, float | None]] = ()


class FiguresCollector(Collector):
    """Collects where series stand."""

    def __init__(self, figures: Callable[[], Sequence[Figure]]) -> None:
        self._figures = figures

    def collect(self) -> Iterable[Metric]:
        plan = GaugeMetricFamily(
            "taktline_plan", "Plan that is due, of the running shift or today.", labels=("series",)
        )
        fact = GaugeMetricFamily("taktline_fact", "Fact of the same time.", labels=("series",))
        ahead = GaugeMetricFamily("taktline_ahead", "By how much the fact is ahead of that plan.", labels=("series",))
        for figure in self._figures():
            for family, value in ((plan, figure.plan), (fact, figure.fact), (ahead, figure.ahead)):
                if value is not None:
                    family.add_metric((figure.series,), value)
        return plan, fact, ahead


class JobsCollector(Collector):
    """Collects the state of the background jobs."""

    def __init__(self, jobs: Callable[[], Sequence[Reported]]) -> None:
        self._jobs = jobs

    def collect(self) -> Iterable[Metric]:
        labels = ("id", "policy", "relation")
        success = GaugeMetricFamily(
            "taktline_job_last_success_timestamp_seconds", "When a background job last succeeded.", labels=labels
        )
        age = GaugeMetricFamily(
            "taktline_job_success_age_seconds",
            "Time since then, or since the service first saw the job.",
            labels=labels,
        )
        every = GaugeMetricFamily("taktline_job_interval_seconds", "Time between two of its runs.", labels=labels)
        failed = CounterMetricFamily("taktline_job_failures", "Its runs by the server that failed.", labels=labels)
        trouble = GaugeMetricFamily(
            "taktline_job_trouble",
            "1 where it doesn't succeed in time, or only when the service runs it.",
            labels=labels,
        )
        for job in self._jobs():
            names = (str(job.id), job.policy, job.relation or "")
            if job.last_success is not None:
                success.add_metric(names, job.last_success.timestamp())
            age.add_metric(names, job.age)
            every.add_metric(names, job.every.total_seconds())
            failed.add_metric(names, job.failures)
            trouble.add_metric(names, job.in_trouble)
        return success, age, every, failed, trouble


class DelaysCollector(Collector):
    """Collects how far behind rollups and standby servers are."""

    def __init__(self, delays: Callable[[], Delays]) -> None:
        self._delays = delays

    def collect(self) -> Iterable[Metric]:
        watermark = GaugeMetricFamily(
            "taktline_watermark_lag_seconds",
            "Time since up to where a rollup is materialised; it grows as well where no readings come.",
            labels=("rollup",),
        )
        labels = ("standby", "address")
        seconds = GaugeMetricFamily(
            "taktline_replication_lag_seconds",
            "Time by which a standby server of the database is behind, as it last said.",
            labels=labels,
        )
        size = GaugeMetricFamily(
            "taktline_replication_lag_bytes", "Log that a standby server still has to replay.", labels=labels
        )
        delays = self._delays()
        for rollup, lag in delays.rollups:
            watermark.add_metric((rollup,), lag)
        for name, address, behind, left in delays.standbys:
            for family, value in ((seconds, behind), (size, left)):
                if value is not None:
                    family.add_metric((name, address), value)
        return watermark, seconds, size


class StandbysCollector(Collector):
    """Collects what standbys are to reads."""

    def __init__(self, standbys: Callable[[], Sequence[tuple[str, str]]]) -> None:
        self._standbys = standbys

    def collect(self) -> Iterable[Metric]:
        used = GaugeMetricFamily("taktline_standby_used", "1 where a standby is read from.", labels=("host",))
        for host, standing in self._standbys():
            used.add_metric((host,), standing == "used")
        return (used,)
