"""Measures how much longer a chart of two sites takes than the slower of them, asked side by side as the view asks."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import httpx

from bench.service import Target, serving
from bench.table import median, percentile, show
from chaos.service_process import free_port, start, until_ready

SERIES, HOURS, ROUNDS = 60, 24, 40


async def measure(target: Target) -> None:
    """With the target as one of the sites."""
    rounds = ROUNDS // 4 if target.brief else ROUNDS
    async with (
        serving(target.database_url) as other,
        _view(target, other) as url,
        target.client() as one,
        other.client() as two,
        httpx.AsyncClient(base_url=url, timeout=60) as view,
    ):
        since = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=HOURS)
        for site in (one, two):
            await _fill(site, since)
        asked = {"from": since.isoformat(), "until": (since + timedelta(hours=HOURS)).isoformat()}
        rows = []
        for name, more in (
            ("an hour a step", {"step": "1h"}),
            ("five minutes a step", {"step": "5m"}),
            ("an hour a step, `split=series`", {"step": "1h", "split": "series"}),
        ):
            rows.append([name, *await _compared((one, two), view, {**asked, **more}, rounds)])
    title = f"{HOURS} hours of {SERIES} series a site, a reading a minute each, JSON, something committed before each"
    show(title, ["chart", "slower site, p50", "view, p50", "ratio", "slower site, p95", "view, p95"], rows)


async def _compared(
    sites: tuple[httpx.AsyncClient, ...], view: httpx.AsyncClient, asked: dict[str, str], rounds: int
) -> list[str]:
    """In turns, so that whatever else goes on slows both."""
    slower, together = [], []
    for _ in range(rounds):
        await asyncio.gather(*(_write(site, asked) for site in sites))
        slower.append(max(await asyncio.gather(*(_get(site, asked) for site in sites))))
        await asyncio.gather(*(_write(site, asked) for site in sites))
        together.append(await _get(view, asked))
    ends = [1000 * percentile(times, 0.95) for times in (slower, together)]
    one, both = 1000 * median(slower), 1000 * median(together)
    return [f"{one:.1f} ms", f"{both:.1f} ms", f"{both / one:.2f}", *(f"{end:.1f} ms" for end in ends)]


@asynccontextmanager
async def _view(one: Target, other: Target) -> AsyncIterator[str]:
    port = free_port()
    settings = {
        "FEDERATE": f"one={one.url}; other={other.url}",
        **({"FEDERATE_KEYS": f"one={one.key}"} if one.key else {}),
        "API_HOST": "127.0.0.1",
        "API_PORT": str(port),
        "LOG_LEVEL": "WARNING",
    }
    process = await start("service", "run_server", settings=settings)
    try:
        await until_ready(f"http://127.0.0.1:{port}")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        await process.wait()


async def _fill(http: httpx.AsyncClient, since: datetime) -> None:
    for hour in range(HOURS):
        rows = [
            {
                "ts": (since + timedelta(hours=hour, minutes=minute)).isoformat(),
                "series": f"line {series}",
                "plan": 10,
                "fact": (minute * 7 + series) % 12,
            }
            for minute in range(60)
            for series in range(SERIES)
        ]
        answer = await http.post("/readings", content=json.dumps(rows), headers={"Content-Type": "application/json"})
        assert answer.status_code == 200, answer.text


async def _write(http: httpx.AsyncClient, asked: dict[str, str]) -> None:
    """Commit something within the period, so that the numbers are others, and no site answers with 304."""
    answer = await http.post("/readings", json={"ts": asked["from"], "series": "line 1", "fact": 1})
    assert answer.status_code == 200, answer.text


async def _get(http: httpx.AsyncClient, asked: dict[str, str]) -> float:
    started = time.perf_counter()
    answer = await http.get("/chart", params={**asked, "format": "json"})
    assert answer.status_code == 200, answer.text
    assert "sites_away" not in answer.json()
    return time.perf_counter() - started
