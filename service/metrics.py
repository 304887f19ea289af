"""The Prometheus metrics: what was written and refused, and how long that took. docs/metrics.md lists them."""

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from functools import partial
from importlib.metadata import version
from platform import python_version

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

from service.collectors import (
    Delays,
    DelaysCollector,
    Figure,
    FiguresCollector,
    JobsCollector,
    Reported,
    StandbysCollector,
)
from service.exposition import ROUNDS, Counted, counted, text_of

_LATENCIES = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_REQUESTS = (0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 10)
"""Fewer, since there are as many of them for each route and method."""
_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"))


class Metrics:
    """The metrics in registries of their own, so that two services in one process share nothing."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        """What this process counts and holds, which several workers have to add up."""
        self._facts = CollectorRegistry()
        """What every worker finds alike, since it is so in the database or in the code."""
        self._readings = self._counter("readings", "Readings by what became of their batch.", "outcome")
        self._batches = self._counter("batches", "Batches by what became of them.", "outcome")
        self._refused = self._counter(
            "refused", "Requests, frames, connections, single readings refused.", "where", "reason"
        )
        self._responses = self._counter("http_responses", "Answers by route and status.", "route", "status")
        self._requests = self._histogram(
            "http_request_duration_seconds",
            "Time from the head of a request to the end of its answer.",
            _REQUESTS,
            "route",
            "method",
        )
        self._acknowledgements = self._histogram(
            "acknowledgement_seconds",
            "Time from receiving a batch to acknowledging it, by transport; of a request, from its head.",
            _LATENCIES,
            "transport",
        )
        self._failures = self._counter("commit_failures", "Attempts to commit that the database did not take.")
        self._commits = self._histogram("commit_seconds", "Time of a transaction, by the writer.", _LATENCIES)
        self._group = self._histogram(
            "commit_readings", "Readings in a transaction.", tuple(10.0**exponent for exponent in range(6))
        )
        self._renders = self._histogram("render_seconds", "Time to draw a chart.", _LATENCIES)
        self._charts = self._counter("charts", "Charts by where they came from: hit, shared or miss.", "how")
        self._alerts_sent = self._counter("alert_sent", "Messages of alerts that the webhook took.", "rule")
        self._alerts_failed = self._counter("alert_failed", "Attempts to send one that failed.", "rule")
        self._alerts_given_up = self._counter("alert_given_up", "Messages that were given up.", "rule")
        self._alerts_firing = Gauge(
            "taktline_alert_firing", "Alerts that have begun and not ended.", ("rule",), registry=self._facts
        )
        self._rounds = Gauge(
            f"taktline_{ROUNDS}",
            "When a round of this replica's maintenance last succeeded.",
            ("round",),
            registry=self.registry,
        )
        self._reads = self._counter(
            "standby_reads", "Reads of charts, pages and exports by whether a standby answered them.", "outcome"
        )
        self._waits = self._histogram(
            "standby_wait_seconds", "Time until a standby had what the primary has, for a read.", _LATENCIES
        )
        self._sites_asked = self._counter(
            "site_asked", "Times a site was asked, by whether it answered or was away.", "site", "outcome"
        )
        self._sites_away = Gauge("taktline_site_away", "Sites that are away.", ("site",), registry=self._facts)
        self._sockets = self._gauge("websockets", "Open WebSocket connections.")
        self._viewers = self._gauge("viewers", "Open live pages.")
        self._waiting_charts = self._gauge("waiting_charts", "Charts that wait to be drawn, or are being drawn.")
        self._kept = self._gauge("chart_cache_bytes", "Memory of the charts that are kept.")
        self._kept_limit = self._gauge("chart_cache_bytes_limit", "The most that it may be.")
        self._waiting = self._gauge("waiting_readings", "Readings that wait to be written.")
        self._waiting_bytes = self._gauge("waiting_bytes", "The same in bytes.")
        self._waiting_age = self._gauge("waiting_seconds", "For how long the oldest of them has waited.")
        self._info(
            "build", "The version of the service, and of Python.", version=version("taktline"), python=python_version()
        )
        ProcessCollector(registry=self.registry)

    def settled(self, outcome: str, batches: int, readings: int) -> None:
        """Count settled batches, and their readings."""
        self._batches.labels(outcome).inc(batches)
        self._readings.labels(outcome).inc(readings)

    def refused(self, where: str, reason: str, count: int = 1) -> None:
        """Count refusals. `where` is the transport or the route, `reason` that of the error."""
        self._refused.labels(where, reason).inc(count)

    def response(self, route: str, status: int) -> None:
        """Count an HTTP answer."""
        self._responses.labels(route, str(status)).inc()

    def request(self, route: str, method: str, seconds: float) -> None:
        """Count an HTTP request that was answered, or given up. `route` is the template of its address."""
        self._requests.labels(route, method if method in _METHODS else "other").observe(seconds)

    def acknowledgements(self, transport: str) -> Callable[[float], None]:
        """A function that counts an acknowledgement, given the seconds since its batch was received. It is kept by
        whoever sends many, since to find it takes as long as to call it."""
        return self._acknowledgements.labels(transport).observe

    def commit(self, seconds: float, readings: int) -> None:
        """Count a committed transaction."""
        self._commits.observe(seconds)
        self._group.observe(readings)

    def commit_failed(self) -> None:
        """Count a failed attempt to commit."""
        self._failures.inc()

    def rendered(self, seconds: float) -> None:
        """Count a drawn chart."""
        self._renders.observe(seconds)

    def chart(self, how: str) -> None:
        """Count a chart that was found in the cache (hit), drawn for several requests (shared), or drawn (miss)."""
        self._charts.labels(how).inc()

    def alert_sent(self, rule: str) -> None:
        """Count a message of an alert that the webhook took."""
        self._alerts_sent.labels(rule).inc()

    def alert_failed(self, rule: str) -> None:
        """Count an attempt to send one that failed."""
        self._alerts_failed.labels(rule).inc()

    def alerts_given_up(self, rule: str, messages: int) -> None:
        """Count messages that nobody took, and that aren't sent any more."""
        self._alerts_given_up.labels(rule).inc(messages)

    def alerts_firing(self, rules: Mapping[str, int]) -> None:
        """Report how many alerts of each rule have begun and haven't ended."""
        for rule, count in rules.items():
            self._alerts_firing.labels(rule).set(count)

    def round_succeeded(self, name: str) -> None:
        """Note that a round of the maintenance has succeeded just now."""
        self._rounds.labels(name).set_to_current_time()

    def read_by_standby(self, seconds: float) -> None:
        """Count a read that a standby answers, which had what the primary has after so many seconds."""
        self._reads.labels("standby").inc()
        self._waits.observe(seconds)

    def read_by_primary(self, why: str) -> None:
        """Count a read that the primary has to answer, as no standby can."""
        self._reads.labels(why).inc()

    def site_asked(self, site: str, *, away: bool) -> None:
        """Count that a site was asked."""
        self._sites_asked.labels(site, "away" if away else "answered").inc()

    def watch_sites(self, names: Iterable[str], away: Callable[[], Container[str]]) -> None:
        """Report which of these sites are away; the function is called whenever the metrics are read."""
        for name in names:
            self._sites_away.labels(name).set_function(partial(_is_in, away, name))

    def socket(self, change: int) -> None:
        """Count a socket that was opened (1) or closed (-1)."""
        self._sockets.inc(change)

    def viewer(self, change: int) -> None:
        """Count a live page that was opened (1) or closed (-1)."""
        self._viewers.inc(change)

    def watch(self, readings: Callable[[], float], size: Callable[[], float], age: Callable[[], float]) -> None:
        """Report how many readings and bytes wait to be written, and for how many seconds the oldest has; the functions
        are called whenever the metrics are read."""
        self._waiting.set_function(readings)
        self._waiting_bytes.set_function(size)
        self._waiting_age.set_function(age)

    def watch_charts(self, charts: Callable[[], float]) -> None:
        """Report how many charts wait to be drawn; the function is called whenever the metrics are read."""
        self._waiting_charts.set_function(charts)

    def watch_cache(self, size: Callable[[], float], limit: float) -> None:
        """Report how many bytes of charts are kept; the function is called whenever the metrics are read."""
        self._kept.set_function(size)
        self._kept_limit.set(limit)

    def watch_held(self, held: Callable[[], float], limit: float) -> None:
        """Report how many bytes are held for clients; the function is called whenever the metrics are read."""
        self._gauge("held_bytes", "Memory held for clients: received, waiting, unread.").set_function(held)
        self._gauge("held_bytes_limit", "The most that it may be, MEMORY_LIMIT.").set(limit)

    def watch_connections(self, there: Callable[[], float], limit: float) -> None:
        """Report how many connections there are; the function is called whenever the metrics are read."""
        self._gauge("connections", "Open connections, over HTTP, WebSocket and TCP.").set_function(there)
        self._gauge("connections_limit", "The most that there may be.").set(limit)

    def watch_jobs(self, jobs: Callable[[], Sequence[Reported]]) -> None:
        """Report the state of the database's background jobs; the function is called whenever the metrics are read."""
        self._facts.register(JobsCollector(jobs))

    def watch_series(self, figures: Callable[[], Sequence[Figure]]) -> None:
        """Report where series stand; the function is called whenever the metrics are read."""
        self._facts.register(FiguresCollector(figures))

    def watch_delays(self, delays: Callable[[], Delays]) -> None:
        """Report how far behind the database is; the function is called whenever the metrics are read."""
        self._facts.register(DelaysCollector(delays))

    def watch_standbys(self, standbys: Callable[[], Sequence[tuple[str, str]]]) -> None:
        """Report what each standby, by its host, is to reads; the function is called whenever the metrics are read."""
        self._facts.register(StandbysCollector(standbys))

    def know_database(self, **facts: str) -> None:
        """Report which database it is: its edition and versions."""
        self._info("database", "What the readings are kept in.", **facts)

    def counted(self) -> list[Counted]:
        """What this process has counted and holds now."""
        return counted(self.registry)

    def exposition(self, together: Sequence[Counted] | None = None) -> bytes:
        """All metrics in Prometheus's text format; with `together`, what all workers have counted."""
        here = generate_latest(self.registry) if together is None else text_of(together)
        return here + generate_latest(self._facts)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"taktline_{name}", text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(f"taktline_{name}", text, registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(f"taktline_{name}", text, labels, buckets=buckets, registry=self.registry)

    def _info(self, name: str, text: str, **facts: str) -> None:
        Gauge(f"taktline_{name}_info", text, tuple(facts), registry=self._facts).labels(**facts).set(1)


def _is_in(there: Callable[[], Container[str]], name: str) -> bool:
    return name in there()
