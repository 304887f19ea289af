"""Measures an import of years: how fast it goes, and how long pages, charts and a live producer wait meanwhile."""

import asyncio
import random
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import httpx

from bench.service import Target
from bench.table import median, show

READINGS, BRIEF = 300_000, 100_000
DAYS_OF_A_MILLION, MOST_DAYS = 694, 3650
"""Over how many days a million readings are spread, one a minute; more readings over more days, up to ten years."""
SERIES, BODY, SENDERS = 20, 5000, 2
ORDERS = ("in the order of time", "days in any order")
AFTERWARDS = 10.0
"""For how many seconds the same is asked once all is written."""

Times = dict[str, list[float]]


async def measure(target: Target) -> None:
    count = target.readings or (BRIEF if target.brief else READINGS)
    days = min(MOST_DAYS, count * DAYS_OF_A_MILLION // 1_000_000)
    for number, order in enumerate(ORDERS):
        # each in years of its own
        end = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=number * days)
        await _measure(target, Import(count, end - timedelta(days=days), end, in_order=number == 0), order)


class Import:
    """So many readings of some days, as CSV, in bodies of BODY readings."""

    def __init__(self, count: int, start: datetime, end: datetime, *, in_order: bool) -> None:
        self.count, self.start, self.end = count, start, end
        self._in_order = in_order

    def bodies(self) -> Iterator[bytes]:
        """The bodies, each with readings of all series that follow each other in time."""
        steps, first = self.count // SERIES, round(self.start.timestamp() * 1000)
        gap = (self.end - self.start) / timedelta(milliseconds=1) / steps
        blocks = list(range(0, steps, BODY // SERIES))
        if not self._in_order:
            random.Random(1).shuffle(blocks)
        for block in blocks:
            rows = [
                f"{first + round((step + number / SERIES) * gap)},line {number},40,{30 + step % 15}\n"
                for step in range(block, min(block + BODY // SERIES, steps))
                for number in range(SERIES)
            ]
            yield ("ts,series,plan,fact\n" + "".join(rows)).encode()


async def _measure(target: Target, what: Import, order: str) -> None:
    during: Times = {}
    afterwards: Times = {}
    started = time.perf_counter()
    beside = [
        asyncio.create_task(_ask(target, what, during)),
        asyncio.create_task(_ask_for_the_last_hour(target, during)),
        asyncio.create_task(_send_live(target, during)),
    ]
    bodies = what.bodies()
    await asyncio.gather(*(_send(target, bodies) for _ in range(SENDERS)))
    seconds = time.perf_counter() - started
    for task in beside:
        task.cancel()
    with suppress(TimeoutError):
        async with asyncio.timeout(AFTERWARDS):
            await asyncio.gather(_ask(target, what, afterwards), _ask_for_the_last_hour(target, afterwards))
    rows = [
        [name, _seconds(median(found)), _seconds(max(found)), _seconds(max(afterwards.get(name, [0.0])))]
        for name, found in during.items()
    ]
    days = (what.end - what.start).days
    show(
        f"{what.count:,} readings over {days:,} days, {order}: {what.count / seconds:,.0f} readings/s",
        ["", "meanwhile, median", "meanwhile, slowest", "afterwards, slowest"],
        rows,
    )


async def _send(target: Target, bodies: Iterator[bytes]) -> None:
    async with target.client(120) as http:
        for body in bodies:
            while True:
                answer = await http.post("/readings", content=body, headers={"Content-Type": "text/csv"})
                if answer.status_code == 200:
                    break
                assert answer.status_code == 503, answer.text  # it waited for too long, and wasn't written
                await asyncio.sleep(1)


async def _send_live(target: Target, times: Times) -> None:
    async with target.client(120) as http:
        while True:
            started = time.perf_counter()
            answer = await http.post("/readings", json={"series": "live", "plan": 1, "fact": 1})
            times.setdefault("acknowledging a live reading", []).append(time.perf_counter() - started)
            assert answer.status_code == 200, answer.text
            await asyncio.sleep(0.5)


async def _ask(target: Target, what: Import, times: Times) -> None:
    """Ask for the pages and charts in turn."""
    middle = what.start + (what.end - what.start) / 2
    year = max(what.start, what.end - timedelta(days=365))
    asked = {
        "live page": ("/", {}, "text/html"),
        "first page": ("/display", {}, "*/*"),
        "last page": ("/display", {"order": "asc"}, "*/*"),
        "first page of a series": ("/display", {"series": "line 1"}, "*/*"),
        "chart of a day": ("/chart", _period(middle, middle + timedelta(days=1)), "*/*"),
        "chart of a year": ("/chart", _period(year, what.end), "*/*"),
        "chart of a year in Berlin": ("/chart", _period(year, what.end) | {"tz": "Europe/Berlin"}, "*/*"),
        "chart of all": ("/chart", _period(what.start, what.end), "*/*"),
        "chart of all, split": ("/chart", _period(what.start, what.end) | {"split": "series"}, "*/*"),
    }
    async with target.client(120) as http:
        while True:
            for name, (path, parameters, kind) in asked.items():
                await _timed(http, times, name, path, parameters, kind)


async def _ask_for_the_last_hour(target: Target, times: Times) -> None:
    async with target.client(120) as http:
        while True:
            await _timed(http, times, "chart of the last hour", "/chart", {"format": "json"}, "*/*")


async def _timed(
    http: httpx.AsyncClient, times: Times, name: str, path: str, parameters: dict[str, str], kind: str
) -> None:
    started = time.perf_counter()
    answer = await http.get(path, params=parameters, headers={"Accept": kind})
    times.setdefault(name, []).append(time.perf_counter() - started)
    assert answer.status_code == 200, answer.text
    await asyncio.sleep(0.05)


def _period(start: datetime, end: datetime) -> dict[str, str]:
    return {"from": start.isoformat(), "until": end.isoformat(), "format": "json"}


def _seconds(value: float) -> str:
    return f"{value:.2f} s"
