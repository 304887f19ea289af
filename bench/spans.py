"""Measures a week's plan by the hour, as items that stand for an hour each, beside the same readings one by one."""

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import httpx
import msgspec

from bench.service import Target
from bench.table import show

SERIES, HOURS, BRIEF_HOURS = 60, 7 * 24, 24
MINUTES = 60
READINGS = 90_000
"""Readings in a body: what the embedded engine takes."""


async def measure(target: Target) -> None:
    hours = BRIEF_HOURS if target.brief else HOURS
    start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=7)
    ways = {
        f"an item an hour, `for=1h`: {hours * SERIES:,} items": (_by_the_hour(start, hours), READINGS // MINUTES),
        "a reading a minute": (_by_the_minute(start + timedelta(days=14), hours), READINGS),
    }
    rows: list[list[str]] = []
    async with target.client(120) as http:
        for name, (items, most) in ways.items():
            seconds, size, bodies = await _send(http, list(items), most)
            rows.append([name, f"{bodies}", f"{size / 2**20:.1f} MiB", f"{seconds:.1f} s"])
    title = f"A plan of {hours} hours for {SERIES} series, {hours * SERIES * MINUTES:,} readings"
    show(title, ["how", "bodies", "sent", "until acknowledged"], rows)


def _by_the_hour(start: datetime, hours: int) -> Iterator[dict[str, object]]:
    for hour in range(hours):
        for series in range(SERIES):
            yield {"ts": start + timedelta(hours=hour), "series": f"line {series}", "plan": 600, "for": "1h"}


def _by_the_minute(start: datetime, hours: int) -> Iterator[dict[str, object]]:
    for minute in range(hours * MINUTES):
        for series in range(SERIES):
            yield {"ts": start + timedelta(minutes=minute), "series": f"line {series}", "plan": 10}


async def _send(http: httpx.AsyncClient, items: Sequence[object], most: int) -> tuple[float, int, int]:
    """Send the items in bodies of at most so many. Returns the seconds that took, the bytes and the bodies."""
    bodies = [msgspec.json.encode(items[at : at + most]) for at in range(0, len(items), most)]
    started = time.perf_counter()
    for body in bodies:
        answer = await http.post("/readings", content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == 200, answer.text
    return time.perf_counter() - started, sum(map(len, bodies)), len(bodies)
