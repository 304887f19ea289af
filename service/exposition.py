"""The metrics of several processes as those of one: what each of them has counted, added up."""

from collections.abc import Iterable, Sequence

import msgspec
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

ROUNDS = "round_last_success_timestamp_seconds"
LARGEST = ("taktline_waiting_seconds", f"taktline_{ROUNDS}")
"""Of these the largest value is that of all together: how long somebody has waited, and when something was last
done."""
SMALLEST = "process_start_time_seconds"
"""Of this the smallest, and of the moments since when something was counted."""
KEPT = ("counter", "histogram")
"""The kinds of metrics that only grow, and so have to outlast the process that counted them."""


class Counted(msgspec.Struct, frozen=True):
    """A metric as a process has counted it: each sample with its name, its labels and its value."""

    name: str
    text: str
    kind: str
    samples: list[tuple[str, dict[str, str], float]]


def counted(registry: CollectorRegistry) -> list[Counted]:
    """What a registry has counted by now."""
    return [
        Counted(one.name, one.documentation, one.type, [(each.name, each.labels, each.value) for each in one.samples])
        for one in registry.collect()
    ]


def lasting(metrics: Iterable[Counted]) -> list[Counted]:
    """What stays true of a process that has ended: what it has counted, and not what it held."""
    return [one for one in metrics if one.kind in KEPT]


def added_up(*processes: Iterable[Counted]) -> list[Counted]:
    """The metrics of several processes as one. They have the order in which they come first."""
    metrics: dict[str, Counted] = {}
    sums: dict[str, dict[tuple[str, frozenset[tuple[str, str]]], float]] = {}
    for one in (one for each in processes for one in each):
        metrics.setdefault(one.name, one)
        values = sums.setdefault(one.name, {})
        for name, labels, value in one.samples:
            key = name, frozenset(labels.items())
            values[key] = _joined(name, values[key], value) if key in values else value
    return [
        Counted(name, one.text, one.kind, [(sample, dict(labels), value) for (sample, labels), value in values.items()])
        for (name, one), values in zip(metrics.items(), sums.values(), strict=True)
    ]


def text_of(metrics: Sequence[Counted]) -> bytes:
    """The metrics in Prometheus's text format."""
    registry = CollectorRegistry()
    registry.register(_Told(metrics))
    return generate_latest(registry)


def _joined(name: str, one: float, other: float) -> float:
    if name in LARGEST:
        return max(one, other)
    if name == SMALLEST or name.endswith("_created"):
        return min(one, other)
    return one + other


class _Told(Collector):
    def __init__(self, metrics: Sequence[Counted]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        for one in self._metrics:
            metric = Metric(one.name, one.text, one.kind)
            metric.samples = [Sample(*sample) for sample in one.samples]
            yield metric
