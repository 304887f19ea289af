"""Measures corrections of a day with a million readings, and how long others wait for acknowledgement meanwhile."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from bench.service import Target
from bench.table import median, percentile, show

READINGS, BRIEF = 1_000_000, 100_000
SERIES, BODY, SENDERS = 20, 50_000, 2
DAYS_AGO = {"as written": 2, "columnstore": 40}
"""How long ago the days were: one is left as large requests write it, partly to the columnstore, and of the other all
is moved there."""
COMPRESS = "select compress_chunk(chunk) from show_chunks('reading', older_than => interval '30 days') as chunk"
NAMES = [f"line {number}" for number in range(SERIES)]


async def measure(target: Target) -> None:
    count = target.readings or (BRIEF if target.brief else READINGS)
    for kind, ago in DAYS_AGO.items():
        today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        await Day(target, today - timedelta(days=ago), count).measure(kind)


class Day:
    """A day of so many readings, which is written, corrected in several ways, and deleted."""

    def __init__(self, target: Target, start: datetime, count: int) -> None:
        self._target, self._start, self._count = target, start, count
        self._rows: list[list[str]] = []

    async def measure(self, kind: str) -> None:
        await self._step("POST of all, in bodies of 50,000", self._post)
        if kind == "columnstore":
            con = await self._target.connect()
            await con.execute(COMPRESS)
            await con.close()
        await self._step("PUT of a plan for each minute, facts stay", self._put_plan)
        await self._step("DELETE of all facts", lambda http: self._correct(http, "DELETE", field="fact"))
        await self._step("PUT of 100,000 in the place of all", self._put_all)
        await self._step("POST of all, once more", self._post)
        if kind == "columnstore":
            con = await self._target.connect()
            await con.execute(COMPRESS)
            await con.close()
        await self._step("DELETE of all", lambda http: self._correct(http, "DELETE"))
        head = ["", "took", "acknowledged meanwhile: median", "99 %", "slowest"]
        show(f"A day of {self._count:,} readings, {kind}", head, self._rows)

    async def _step(self, name: str, work: Callable[[httpx.AsyncClient], Awaitable[object]]) -> None:
        async with self._target.client(120) as http, _beside(self._target) as waited:
            started = time.perf_counter()
            await work(http)
            took = time.perf_counter() - started
        self._rows.append(
            [
                name,
                f"{took:.1f} s",
                *(f"{1000 * value:.0f} ms" for value in (median(waited), percentile(waited, 0.99), max(waited))),
            ]
        )

    async def _post(self, http: httpx.AsyncClient) -> None:
        bodies = self._bodies(self._count)

        async def send() -> None:
            for body in bodies:
                answer = await http.post("/readings", content=body, headers={"Content-Type": "text/csv"})
                while answer.status_code == 503:  # it waited for too long, and wasn't written
                    await asyncio.sleep(1)
                    answer = await http.post("/readings", content=body, headers={"Content-Type": "text/csv"})
                assert answer.status_code == 200, answer.text

        await asyncio.gather(*(send() for _ in range(SENDERS)))

    async def _put_plan(self, http: httpx.AsyncClient) -> None:
        plans = [{"ts": self._start.isoformat(), "series": name, "plan": 1440, "for": "24h"} for name in NAMES]
        await self._correct(http, "PUT", json=plans, field="plan")

    async def _put_all(self, http: httpx.AsyncClient) -> None:
        [body] = self._bodies(100_000, 100_000)
        await self._correct(http, "PUT", content=body, headers={"Content-Type": "text/csv"})

    async def _correct(self, http: httpx.AsyncClient, method: str, field: str | None = None, **body: Any) -> None:
        ends = {"from": self._start.isoformat(), "until": (self._start + timedelta(days=1)).isoformat()}
        parameters = {"series": NAMES, **ends, **({} if field is None else {"field": field})}
        answer = await http.request(method, "/readings", params=parameters, **body)
        assert answer.status_code == 200, answer.text

    def _bodies(self, count: int, size: int = BODY) -> Iterator[bytes]:
        """So many readings of the day, as CSV, in the order of time."""
        first, gap = round(self._start.timestamp() * 1000), 86_400_000 / count
        for block in range(0, count, size):
            rows = [
                f"{first + int(number * gap)},{NAMES[number % SERIES]},40,{30 + number % 15}\n"
                for number in range(block, min(block + size, count))
            ]
            yield ("ts,series,plan,fact\n" + "".join(rows)).encode()


@asynccontextmanager
async def _beside(target: Target) -> AsyncIterator[list[float]]:
    """A producer that sends a reading of now every 20 ms while the block runs, and how long it waited for each."""
    waited: list[float] = []

    async def send() -> None:
        async with target.client(120) as http:
            while True:
                started = time.perf_counter()
                answer = await http.post("/readings", json={"series": "live", "plan": 1, "fact": 1})
                waited.append(time.perf_counter() - started)
                assert answer.status_code == 200, answer.text
                await asyncio.sleep(0.02)

    sending = asyncio.create_task(send())
    try:
        await asyncio.sleep(0.2)
        yield waited
    finally:
        sending.cancel()
        with suppress(asyncio.CancelledError):
            await sending
