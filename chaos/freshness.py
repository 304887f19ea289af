"""Whether what was acknowledged is on whatever is asked for next, at each of several services: for each of them one
writes, and several ask for charts, boards, pages and exports of what all of them have written."""

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import httpx

from chaos.history import History
from chaos.replicas import Replica

MOST = 200
"""The readings of a series after which the next one is begun."""
LATEST = timedelta(hours=60)
"""How late a reading is at most; what is asked for begins before that."""
PATIENCE = 40.0
"""Seconds without an answer after which a request is given up."""
WRITE_PAUSE, READ_PAUSE = 0.1, 0.1
"""Seconds between two requests of one client, on average."""
READERS = 2
"""How many ask each service."""
WITHIN = {"from": "now-3d", "until": "now+1h"}


@dataclass(eq=False)
class Watched:
    """A series, to which one client writes: how many of its readings were sent, and how many of them acknowledged; and
    the most that were in an answer."""

    name: str
    sent: int = 0
    acknowledged: int = 0
    seen: int = 0


@dataclass(frozen=True)
class Question:
    """Something that is asked of a series, and how many readings the answer has."""

    name: str
    address: str
    parameters: dict[str, str]
    counted: Callable[[httpx.Response], int]


def _in_buckets(answer: httpx.Response) -> int:
    return sum(bucket["readings"] for bucket in answer.json()["buckets"])


def _facts(answer: httpx.Response) -> int:
    return round(sum(bucket["fact"] or 0 for bucket in answer.json()["buckets"]))


def _total(answer: httpx.Response) -> int:
    return int(answer.json()["total"])


def _on_board(answer: httpx.Response) -> int:
    return round(sum(row["plan"] or 0 for row in answer.json()["rows"]))  # the fact is that of minutes that are over


def _lines(answer: httpx.Response) -> int:
    return len(answer.text.splitlines())


QUESTIONS = (
    Question("charts", "/chart", {**WITHIN, "format": "json", "step": "1h"}, _in_buckets),
    Question("charts", "/chart", {**WITHIN, "format": "json", "step": "1d"}, _facts),
    Question("charts", "/chart", {**WITHIN, "format": "json", "step": "15m"}, _facts),
    Question("boards", "/board", {**WITHIN, "format": "json"}, _on_board),
    Question("pages", "/display", {"per_page": "1"}, _total),
    Question("exports", "/readings", {**WITHIN, "format": "ndjson"}, _lines),
)


class Freshness:
    """What was written by all, and whether it was answered. Whatever contradicts it is a violation."""

    def __init__(self, history: History, rng: random.Random) -> None:
        self._history, self._rng = history, rng
        self.series: list[Watched] = []
        self._numbers = count(1)
        self.stopping = False
        """Whether nothing more is written; what was begun is completed."""

    async def write(self, replicas: Sequence[Replica], number: int) -> None:
        """Write to one of the services, one batch after the other, until told to stop. A batch that isn't answered is
        sent again under its id, to any of them."""
        watched = self._begin()
        while not self.stopping:
            rows = self._rows(watched.name)
            watched.sent += len(rows)
            await self._insist(replicas, number, rows)
            watched.acknowledged += len(rows)
            if watched.sent >= MOST:
                watched = self._begin()
            await asyncio.sleep(self._rng.expovariate(1 / WRITE_PAUSE))

    async def read(self, replica: Replica) -> None:
        """Ask one of the services, until cancelled."""
        tags: dict[tuple[str, str], tuple[str, int]] = {}
        while True:
            async with httpx.AsyncClient(base_url=replica.service.url, timeout=PATIENCE, trust_env=False) as http:
                for _ in range(50):  # then over another connection
                    await asyncio.sleep(self._rng.expovariate(1 / READ_PAUSE))
                    if self.series:
                        recent = self._rng.random() < 0.8
                        watched = self._rng.choice(self.series[-2 * READERS :] if recent else self.series)
                        await self._ask(http, replica, watched, self._rng.choice(QUESTIONS), tags)

    def check(self, watched: Watched, question: str, found: int, asked: Watched) -> None:
        """Compare the readings in an answer with those that were acknowledged before it was asked for, when the series
        was as in `asked`, and with those that were sent before it came."""
        self._history.tally[f"answers compared: {question}"] += 1
        said = f"{question} of {watched.name} have {found} readings"
        if found < asked.acknowledged:
            self._history.violate(f"{said}; {asked.acknowledged} were acknowledged before they were asked for")
        elif found > watched.sent:
            self._history.violate(f"{said}, and only {watched.sent} were sent")
        self._history.tally["answers with what wasn't acknowledged yet"] += found > watched.acknowledged
        self._history.tally["answers without what was in one before, and not acknowledged"] += found < asked.seen
        watched.seen = found if found < asked.seen else max(found, watched.seen)

    def _begin(self) -> Watched:
        self.series.append(Watched(f"watched {len(self.series)}"))
        return self.series[-1]

    def _rows(self, series: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = [
            {"series": series, "plan": 1, "fact": 1} for _ in range(self._rng.randrange(1, 6))
        ]
        for row in rows:
            if self._rng.random() < 0.2:
                row["ts"] = (datetime.now(UTC) - self._rng.random() * LATEST).isoformat()
        return rows

    async def _insist(self, replicas: Sequence[Replica], number: int, rows: list[dict[str, Any]]) -> None:
        headers = {"Idempotency-Key": f"watched {next(self._numbers)}"}
        replica = replicas[number]
        while True:
            try:
                async with httpx.AsyncClient(base_url=replica.service.url, timeout=PATIENCE, trust_env=False) as http:
                    answer = await http.post("/readings", json=rows, headers=headers)
            except (httpx.TransportError, httpx.DecodingError):
                self._history.tally["watched: answers lost"] += 1
            else:
                if answer.status_code == 200:
                    replica.acknowledging.end()
                    self._history.tally["watched: acknowledged"] += len(rows)
                    return
                if answer.status_code != 503:
                    self._history.violate(f"a reading was answered {answer.status_code}: {answer.text[:300]}")
            await asyncio.sleep(self._rng.uniform(0.1, 0.5))
            replica = self._rng.choice(replicas)

    async def _ask(
        self,
        http: httpx.AsyncClient,
        replica: Replica,
        watched: Watched,
        question: Question,
        tags: dict[tuple[str, str], tuple[str, int]],
    ) -> None:
        asked, place = replace(watched), (f"{question.address} {question.parameters}", watched.name)
        tag, before = tags.get(place, ("", 0))
        try:
            answer = await http.get(
                question.address,
                params={**question.parameters, "series": watched.name},
                headers={"If-None-Match": tag} if tag else {},
            )
        except (httpx.TransportError, httpx.DecodingError):
            self._history.tally["answers lost: what was asked for"] += 1
            return
        if answer.status_code == 503:
            self._history.tally["told to wait: what was asked for"] += 1
            return
        if answer.status_code not in (200, 304):
            self._history.violate(f"{answer.url} was answered {answer.status_code}: {answer.text[:300]}")
            return
        replica.answering.end()
        self._history.tally["answers compared: by their tag alone"] += answer.status_code == 304
        found = before if answer.status_code == 304 else question.counted(answer)
        if "ETag" in answer.headers:
            tags[place] = (answer.headers["ETag"], found)
        self.check(watched, question.name, found, asked)
