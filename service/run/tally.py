"""What all workers of a service have counted together: those that run, those that have ended, and their parent."""

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, ProcessCollector

from service.exposition import Counted, added_up, counted, lasting


class Tally:
    """Adds up, and remembers what those have counted that have ended: whatever it has once told never becomes less.
    `ready` says how many workers take connections."""

    def __init__(self, ready: Callable[[], int]) -> None:
        self._ended: list[Counted] = []
        self._registry = CollectorRegistry()
        self._restarts = Counter(
            "taktline_worker_restarts", "Workers that were started again.", registry=self._registry
        )
        workers = Gauge("taktline_workers", "Workers that take connections.", registry=self._registry)
        workers.set_function(ready)
        ProcessCollector(registry=self._registry)

    def restarted(self) -> None:
        """Count that a worker was started again."""
        self._restarts.inc()

    def ended(self, metrics: Iterable[Counted]) -> None:
        """Remember what a worker has counted that has ended."""
        self._ended = added_up(self._ended, lasting(metrics))

    def total(self, running: Iterable[Iterable[Counted]]) -> list[Counted]:
        """What all have counted, given what those have that run."""
        # in the order in which those have it
        return added_up(*running, self._ended, counted(self._registry))
