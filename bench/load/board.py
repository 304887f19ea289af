"""Shows the progress of the load generator, as a table on a terminal and as a line per second elsewhere, and its
summary."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click
import msgspec
from rich.console import Console
from rich.live import Live
from rich.table import Table

from bench.load.score import Latencies, Score
from emitter.commands.words import counted


class Spread(msgspec.Struct, frozen=True):
    """Percentiles of the milliseconds from sending a batch to its acknowledgement."""

    p50: float
    p90: float
    p99: float
    max: float

    @classmethod
    def of(cls, latencies: Latencies) -> "Spread":
        p50, p90, p99 = (round(1000 * latencies.percentile(share), 2) for share in (0.5, 0.9, 0.99))
        return cls(p50, p90, p99, round(1000 * latencies.longest, 2))

    def __str__(self) -> str:
        return f"p50 {self.p50:,.1f}, p99 {self.p99:,.1f}, max {self.max:,.1f} ms"


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """The results of a load. Counts are of readings, except `batches`, `retries` and `connections`."""

    url: str
    transport: str
    connections: int
    """How many connections were open at the same time."""
    idle: int
    batch: int
    window: int
    seconds: float
    readings: int
    """Acknowledged readings."""
    rate: float
    """Acknowledged readings per second."""
    duplicates: int
    refused: int
    unanswered: int
    batches: int
    retries: int
    latency: Spread
    sent_bytes: int
    received_bytes: int
    generator_cpu: float
    """The share of one core that the load generator took. Near 1 the generator itself was the limit."""
    refusal: str = ""

    def rows(self) -> Iterator[tuple[str, str]]:
        """The rows of a table for people."""
        yield "readings/s, acknowledged", f"{self.rate:,.0f}"
        yield "readings", f"{self.readings:,} in {self.seconds:,.1f} s, {counted(self.batches, 'batch', 'batches')}"
        yield (
            "latency p50 / p90 / p99 / max",
            " / ".join(f"{ms:,.1f}" for ms in msgspec.structs.astuple(self.latency)) + " ms",
        )
        yield "duplicates, refused, unanswered", f"{self.duplicates:,}, {self.refused:,}, {self.unanswered:,}"
        yield "batches sent again", f"{self.retries:,}"
        yield "bytes sent, received", f"{self.sent_bytes:,}, {self.received_bytes:,}"
        yield "the load's own CPU", f"{100 * self.generator_cpu:.0f} % of a core"
        if self.refusal:
            yield "first refusal", self.refusal


Board = Callable[[Score], None]
"""Is called with the score once a second."""


@contextmanager
def board(title: str) -> Iterator[Board]:
    """Shows a board on standard error while the block runs."""
    console = Console(stderr=True)
    pulse = _Pulse()
    if not console.is_terminal:
        yield lambda score: click.echo(", ".join(f"{value} {name}" for name, value in pulse.beat(score)), err=True)
        return
    with Live(console=console, auto_refresh=False, transient=True) as live:
        yield lambda score: live.update(_table(title, pulse.beat(score)), refresh=True)


def show(summary: Summary) -> None:
    """Prints a summary as a table."""
    Console().print(
        _table(f"{summary.transport}, {counted(summary.connections, 'connection', 'connections')}", summary.rows())
    )


class _Pulse:
    """Reports what has happened since its last report."""

    def __init__(self) -> None:
        self._answered = 0
        self._at = time.monotonic()

    def beat(self, score: Score) -> Iterator[tuple[str, str]]:
        now, recent = time.monotonic(), score.turn()
        rate = (score.answered - self._answered) / max(now - self._at, 1e-9)
        self._answered, self._at = score.answered, now
        yield "readings/s", f"{rate:,.0f}"
        yield "to acknowledgement", str(Spread.of(recent))
        yield "in flight", f"{score.unanswered:,}"
        yield "retries", f"{score.retries:,}"
        yield "refused", f"{score.refused:,}"
        yield "connections", f"{score.connected:,}"


def _table(title: str, rows: Iterator[tuple[str, str]]) -> Table:
    table = Table(title=title, show_header=False, title_justify="left")
    table.add_column(no_wrap=True)
    table.add_column(justify="right")
    for row in rows:
        table.add_row(*row)
    return table
