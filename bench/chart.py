"""Time of an uncached chart beside the drawing library alone, in turns."""

import time
from datetime import UTC, datetime, timedelta

import httpx
import vl_convert

from bench.service import Target
from bench.table import median, show
from service.buckets import Bucket
from service.chart import Picture, spec
from service.period import make_period

ROUNDS = 15


async def measure(target: Target) -> None:
    """Print the table."""
    now = datetime.now(UTC)
    start = now.replace(second=0, microsecond=0) - timedelta(minutes=60)
    readings = [
        {"ts": (start + timedelta(seconds=10 * number)).isoformat(), "series": "chart", "plan": 40, "fact": number % 50}
        for number in range(360)
    ]
    times: dict[str, list[float]] = {"png": [], "svg": [], "vl png": [], "vl svg": []}
    async with httpx.AsyncClient(base_url=target.url, timeout=60) as http:
        await http.post("/readings", json=readings)
        alone = _spec(now)
        for _ in range(ROUNDS):
            for form in ("png", "svg"):
                started = time.perf_counter()
                answer = await http.get("/chart", params={"series": "chart", "format": form})
                times[form].append(time.perf_counter() - started)
                assert answer.status_code == 200
                started = time.perf_counter()
                _draw(alone, form)
                times[f"vl {form}"].append(time.perf_counter() - started)
    rows = [_row(form, times) for form in ("png", "svg")]
    show("Chart of the last hour", ["format", "GET /chart", "vl-convert alone", "ratio"], rows)


def _row(form: str, times: dict[str, list[float]]) -> list[str]:
    ours, alone = median(times[form]), median(times[f"vl {form}"])
    return [form.upper(), f"{1000 * ours:.0f} ms", f"{1000 * alone:.0f} ms", f"{ours / alone:.2f}"]


def _draw(specification: dict[str, object], form: str) -> None:
    if form == "png":
        vl_convert.vegalite_to_png(specification, allowed_base_urls=[])
    else:
        vl_convert.vegalite_to_svg(specification, allowed_base_urls=[])


def _spec(now: datetime) -> dict[str, object]:
    period = make_period(None, None, None, "UTC", now, 960)
    buckets = tuple(Bucket(period.start + number * timedelta(minutes=1), 240, 150 + number, 6) for number in range(60))
    return spec(Picture(buckets, period, "Plan and fact", "%Y-%m-%d %H:%M", 960, 480))
