"""Makes the batches that are sent. Each reading has a unique number as its `plan`, from which its `fact` follows."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import msgspec

from chaos.history import Batch, History, Kind

FACTS = 97
"""`fact` is `plan` modulo this number, so that garbled readings can be recognised."""
SERIES = [f"chaos {number}" for number in range(4)]
FAULTS: list[dict[str, Any]] = [
    {"plan": "many"},
    {"fact": True},
    {"ts": "yesterday"},
    {"ts": "2999-01-01T00:00:00Z"},
    {"series": ""},
    {"series": "a\0b"},
    {"plan": 1e300},
    {"note": "x" * 9000},
]
"""Each of these makes a reading one that must be refused."""


LARGE = 0.002
"""The share of large batches, which some servers write straight to the columnstore."""
DAYS = 150
"""A large batch lies within one hour of one of so many days, so that most of them are the first on their day."""


class Workload:
    """Makes batches, which are the same for the same seed."""

    def __init__(self, rng: random.Random, history: History) -> None:
        self._rng, self._history = rng, history
        self._numbers = 1
        self._ids: Iterator[int] = count(1)
        self._hour = datetime.now(UTC) - timedelta(hours=1)
        """The hour of the newest large batch, and of some small ones."""

    def next(self) -> Batch:
        """A new batch, which is in the history already."""
        draw = self._rng.random()
        if draw < 0.06:
            return self._make(Kind.PLAIN, None)
        if draw < 0.12:
            return self._make(Kind.BAD, self._new_id())
        if draw < 0.16 and self._history.recent:
            return self._make(Kind.REUSED, self._rng.choice(self._history.recent).id)
        return self._make(Kind.GOOD, self._new_id())

    def next_unidentified(self) -> Batch:
        """A new batch without an id."""
        return self._make(Kind.BAD if self._rng.random() < 0.1 else Kind.PLAIN, None)

    def _new_id(self) -> str:
        return f"batch {next(self._ids)}"

    def _make(self, kind: Kind, batch_id: str | None) -> Batch:
        large = self._rng.random() < LARGE
        size = self._rng.randrange(2000, 5000) if large else min(500, max(1, round(self._rng.lognormvariate(1.8, 1.2))))
        first = self._numbers
        self._numbers += size
        times, series = self._times(size, large=large), SERIES[:2] if large else SERIES
        nested = self._rng.random() < 0.3
        readings = [
            self._reading(number, self._rng.choice(series), ts, nested=nested)
            for number, ts in zip(range(first, first + size), times, strict=True)
        ]
        if kind is Kind.BAD:
            self._rng.choice(readings).update(self._rng.choice(FAULTS))
        batch = Batch(batch_id, kind, first, size, msgspec.json.encode(readings))
        self._history.add(batch)
        return batch

    def _times(self, size: int, *, large: bool) -> list[datetime | None]:
        """The times of a batch's readings; None stands for the server's clock."""
        if large:
            self._hour = datetime.now(UTC) - timedelta(
                days=self._rng.randrange(1, DAYS), minutes=self._rng.randrange(60)
            )
        if large or self._rng.random() < 0.1:
            return [self._hour + timedelta(seconds=self._rng.uniform(0, 3600)) for _ in range(size)]
        if self._rng.random() < 0.25:
            return [datetime.now(UTC) - self._lateness() for _ in range(size)]
        return [None] * size

    def _lateness(self) -> timedelta:
        return timedelta(seconds=min(self._rng.lognormvariate(5, 3), 864_000))

    def _reading(self, number: int, series: str, ts: datetime | None, *, nested: bool) -> dict[str, Any]:
        made: dict[str, Any] = {"series": series, "plan": number, "fact": number % FACTS}
        if ts is not None:
            made["ts"] = ts.isoformat()
        if number % 10 == 0:
            made["note"] = f"{number} Ж\t\"'\\"
            if nested:
                made["more"] = {"numbers": [number], "nothing": None}
        return made
