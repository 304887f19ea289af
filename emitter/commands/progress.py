"""Shows the progress of a long job on standard error: as a bar on a terminal, otherwise as a line now and then."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

EVERY = 10.0
"""Seconds between two lines where there is no terminal."""


Meter = Callable[[int], None]
"""Is called with the weight of work that was answered."""


@contextmanager
def metering(label: str, total: int | None) -> Iterator[Meter]:
    """A meter for work of the weight `total`, which is None where the end isn't known."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Lines(label, total).advance
        return
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn())
    with Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=console) as progress:
        task = progress.add_task(label, total=total)
        yield lambda weight: progress.advance(task, weight)


class _Lines:
    def __init__(self, label: str, total: int | None) -> None:
        self._label = label
        self._total = total
        self._done = 0
        self._shown_at = time.monotonic()

    def advance(self, weight: int) -> None:
        self._done += weight
        if time.monotonic() - self._shown_at >= EVERY:
            self._shown_at = time.monotonic()
            click.echo(f"{self._label}: {self._state()}", err=True)

    def _state(self) -> str:
        return f"{self._done:,}" if self._total is None else f"{100 * self._done // max(self._total, 1)} %"
