"""Corrects hours of series of its own, one after the other, over and over. Each correction is sent again under its id
until it is acknowledged; so what was acknowledged last is what has to be there."""

import asyncio
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import asyncpg
import httpx
import msgspec

from chaos.history import History
from chaos.queries import query

SERIES = [f"corrected {number}" for number in range(2)]
AGES = (0, 26, 24 * 30, 24 * 100)
"""How many hours ago the hours were that are corrected."""
MOST = 400
"""The most readings of a correction."""
PATIENCE = 90.0
"""Seconds without an answer after which a request is sent again."""
PAUSE = 0.2
HOUR = timedelta(hours=1)

Place = tuple[str, datetime]


class State(msgspec.Struct, frozen=True):
    """How many facts and plans an hour has, and the number that is each plan."""

    facts: int = 0
    plans: int = 0
    number: int | None = None


class Corrector:
    """Makes corrections, one at a time, and knows what has to be there."""

    def __init__(self, history: History, rng: random.Random) -> None:
        self._history, self._rng = history, rng
        self._numbers = count(1)
        now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        self.there: dict[Place, State] = {(name, now - age * HOUR): State() for name in SERIES for age in AGES}
        self.stopping, self.busy = False, False
        """Whether no further corrections are made, and whether one isn't acknowledged yet."""

    async def run(self, *urls: str) -> None:
        """Run until cancelled, or until told to stop. Each attempt is made at any of these services."""
        while not self.stopping:
            self.busy = True
            place = self._rng.choice(list(self.there))
            await self._correct(urls, place, *self._next(place))
            self.busy = False
            await asyncio.sleep(PAUSE)

    async def check(self, con: "asyncpg.Connection[asyncpg.Record]") -> None:
        """Compare what is stored with what was acknowledged last."""
        stored = {(row["series"], row["hour"]): row for row in await con.fetch(query("corrected"))}
        for place, state in self.there.items():
            row = stored.pop(place, None)
            found = (0, 0, None, None) if row is None else (row["facts"], row["plans"], row["least"], row["most"])
            if found != (state.facts, state.plans, state.number, state.number):
                self._history.violate(f"{place}: {state} was acknowledged, stored are {found}")
        for place in stored:
            self._history.violate(f"{place}: nothing was ever sent there")

    def _next(self, place: Place) -> tuple[str, str | None, list[dict[str, Any]], State]:
        """The next correction of an hour: its method, its field, its readings, and what has to be there then."""
        before, number, size = self.there[place], next(self._numbers), self._rng.randrange(1, MOST)
        times = [place[1] + self._rng.random() * HOUR for _ in range(size)]
        match self._rng.randrange(4):
            case 0:
                return "DELETE", None, [], State()
            case 1:
                rows: list[dict[str, Any]] = [{"ts": ts, "plan": number} for ts in times]
                return "PUT", "plan", rows, State(before.facts, size, number)
            case _:
                rows = [{"ts": ts, "plan": number, "fact": 1} for ts in times]
                return "PUT", None, rows, State(size, size, number)

    async def _correct(
        self,
        urls: Sequence[str],
        place: Place,
        method: str,
        field: str | None,
        rows: list[dict[str, Any]],
        after: State,
    ) -> None:
        name, hour = place
        asked = {"series": name, "from": hour.isoformat(), "until": (hour + HOUR).isoformat()}
        asked |= {} if field is None else {"field": field}
        headers = {"Idempotency-Key": f"correction {next(self._numbers)}", "Content-Type": "application/json"}
        body = msgspec.json.encode(rows) if method == "PUT" else b""
        while True:
            self._history.tally["corrections sent"] += 1
            try:
                url = self._rng.choice(urls)
                async with httpx.AsyncClient(base_url=url, timeout=PATIENCE, trust_env=False) as http:
                    answer = await http.request(method, "/readings", params=asked, content=body, headers=headers)
            except (httpx.TransportError, httpx.DecodingError):
                self._history.tally["corrections whose answer was lost"] += 1
            else:
                if answer.status_code == 200:
                    self.there[place] = after
                    self._history.tally["corrections"] += 1
                    return
                if answer.status_code != 503:
                    self._history.violate(f"a correction was answered {answer.status_code}: {answer.text[:300]}")
            await asyncio.sleep(self._rng.uniform(0.1, 0.5))
