"""Measures what the board, running totals and other questions of plan against fact cost beside a plain chart."""

import json
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from itertools import count

import httpx

from bench.service import Target
from bench.table import median, show

SERIES, HOURS, ROUNDS = 60, 8, 15
NUMBERS = count()
"""Makes each address a new one, so that nothing is cached."""


async def measure(target: Target) -> None:
    start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=HOURS - 1)
    async with target.client() as http:
        await _fill(http, start)
        period = {"from": start.isoformat(), "until": (start + timedelta(hours=HOURS)).isoformat()}
        hourly = {**period, "step": "15m", "series": "line 1"}
        ways: dict[str, Callable[[], Awaitable[None]]] = {
            "a chart": lambda: _get(http, "/chart", format="png", **hourly),
            "with `cumulative=period`": lambda: _get(http, "/chart", format="png", cumulative="period", **hourly),
            "with `style=target`": lambda: _get(http, "/chart", format="png", style="target", **hourly),
            "with `agg=increase`": lambda: _get(http, "/chart", format="png", agg="increase", **hourly),
            "with `plan=fact-1h`": lambda: _get(http, "/chart", format="png", plan="fact-1h", **hourly),
            "a board of one series, JSON": lambda: _get(http, "/board", format="json", series="line 1", **period),
            f"a board of {SERIES} series, JSON": lambda: _get(http, "/board", format="json", split="series", **period),
            f"a board of {SERIES} series, HTML": lambda: _get(http, "/board", format="html", split="series", **period),
            f"the wall with {SERIES} series": lambda: _get(http, "/board", format="html", view="wall", **period),
        }
        times: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(ROUNDS):
            for name, way in ways.items():
                await _write(http)
                started = time.perf_counter()
                await way()
                times[name].append(time.perf_counter() - started)
    plain = median(times["a chart"])
    rows = [[name, f"{1000 * median(some):.0f} ms", f"{median(some) / plain:.2f}"] for name, some in times.items()]
    show(f"Eight hours of {SERIES} series, a reading a minute each, nothing cached", ["what", "time", "ratio"], rows)


async def _fill(http: httpx.AsyncClient, start: datetime) -> None:
    now = datetime.now(UTC)
    for hour in range(HOURS):
        rows = []
        for minute in range(60):
            at = start + timedelta(hours=hour, minutes=minute)
            for series in range(SERIES):
                reading: dict[str, object] = {"ts": at.isoformat(), "series": f"line {series}", "plan": 10}
                rows.append(reading | ({"fact": (minute * 7 + series) % 12} if at < now else {}))
        answer = await http.post("/readings", content=json.dumps(rows), headers={"Content-Type": "application/json"})
        assert answer.status_code == 200, answer.text


async def _write(http: httpx.AsyncClient) -> None:
    """Commit something, so that the numbers are read anew."""
    assert (await http.post("/readings", json={"series": "line 1", "fact": 1})).status_code == 200


async def _get(http: httpx.AsyncClient, path: str, **asked: str) -> None:
    answer = await http.get(path, params={**asked, "title": f"Shift {next(NUMBERS)}"})
    assert answer.status_code == 200, answer.text
