"""What is sent: batches whose every reading has a number of its own, as `plan`, and whose `fact` follows from it."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import msgspec

from chaos.history import Batch, History, Kind

FACTS = 97
"""`fact` is `plan` modulo this: what is stored can be told from what was garbled."""
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
"""Any of them makes a reading one that must be refused."""


class Workload:
    """Makes batches, the same ones for the same seed."""

    def __init__(self, rng: random.Random, history: History) -> None:
        self._rng, self._history = rng, history
        self._numbers = 1
        self._ids: Iterator[int] = count(1)

    def next(self) -> Batch:
        """A new batch, already in the history."""
        draw = self._rng.random()
        if draw < 0.06:
            batch = self._make(Kind.PLAIN, None)
        elif draw < 0.12:
            batch = self._make(Kind.BAD, self._new_id())
        elif draw < 0.16 and self._history.recent:
            batch = self._make(Kind.REUSED, self._rng.choice(self._history.recent).id)
        else:
            batch = self._make(Kind.GOOD, self._new_id())
        self._history.add(batch)
        return batch

    def _new_id(self) -> str:
        return f"batch {next(self._ids)}"

    def _make(self, kind: Kind, batch_id: str | None) -> Batch:
        size = min(500, max(1, round(self._rng.lognormvariate(1.8, 1.2))))
        first = self._numbers
        self._numbers += size
        late = self._rng.random() < 0.25
        readings = [self._reading(number, late) for number in range(first, first + size)]
        if kind is Kind.BAD:
            self._rng.choice(readings).update(self._rng.choice(FAULTS))
        return Batch(batch_id, kind, first, size, msgspec.json.encode(readings))

    def _reading(self, number: int, late: bool) -> dict[str, Any]:
        made: dict[str, Any] = {"series": self._rng.choice(SERIES), "plan": number, "fact": number % FACTS}
        if late:
            age = timedelta(seconds=min(self._rng.lognormvariate(5, 3), 864_000))
            made["ts"] = (datetime.now(UTC) - age).isoformat()
        if number % 10 == 0:
            made["note"] = {"number": number, "text": "Ж\t\"'\\"}
        return made
