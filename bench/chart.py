"""Measures the time for a chart against the drawing library alone, against pandas with matplotlib and against Graphite,
and that for a year against that for an hour."""

import io
import json
import os
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from typing import Any

import httpx
import psutil
import vl_convert

from bench.rivals import Points, graphite
from bench.rollups import refresh
from bench.service import Target
from bench.table import median, percentile, show
from service.store.conflicts import insist

ROUNDS = 15
ROUNDS_BESIDE = 40
"""The same beside Graphite, of which the slowest tenth is wanted as well."""
YEAR = int(os.environ.get("BENCH_YEAR_READINGS", "1000000"))
"""The number of readings in the year, over 20 series."""
NUMBERS = count()

Way = Callable[[], Awaitable[None]]


async def measure(target: Target) -> None:
    await _fill(target, 100_000 if target.brief else YEAR)
    async with target.client() as http:
        await _measure_hour(target, http)
        await _measure_graphite(http)
        await _measure_year(http)


async def _measure_hour(target: Target, http: httpx.AsyncClient) -> None:
    spec = (await http.get("/chart", params={"series": "hour", "format": "vega"})).text
    ways: dict[str, Way] = {
        "PNG: vl-convert alone, the same specification": lambda: _alone(vl_convert.vegalite_to_png, spec),
        "PNG: `GET /chart`, nothing cached": lambda: _get(http, series="hour", format="png"),
        "SVG: vl-convert alone, the same specification": lambda: _alone(vl_convert.vegalite_to_svg, spec),
        "SVG: `GET /chart`, nothing cached": lambda: _get(http, series="hour", format="svg"),
    }
    usual = _pandas(target)
    if usual is not None:
        ways["PNG: SELECT, pandas, `plot.bar`"] = usual
    times = await _in_turns(ways)
    alone = {form: median(times[f"{form}: vl-convert alone, the same specification"]) for form in ("PNG", "SVG")}
    rows = [
        [name, f"{1000 * median(some):.0f} ms", f"{median(some) / alone[name[:3]]:.2f}"] for name, some in times.items()
    ]
    show("A chart of the last hour, 3,600 readings", ["how", "time", "ratio"], rows)


async def _measure_graphite(http: httpx.AsyncClient) -> None:
    """The same minutes, drawn by Graphite as two lines, in a picture of the same size."""
    async with graphite(await _minutes(http)) as url, httpx.AsyncClient(timeout=60, trust_env=False) as other:
        if url is None:
            return
        answer = await other.get(f"{url}/render", params={"target": "hour.plan", "from": "-1h", "format": "json"})
        assert any(value is not None for value, _ in answer.json()[0]["datapoints"]), answer.text
        ways: dict[str, Way] = {}
        for form in ("png", "svg"):
            ways[f"{form.upper()}: Graphite, `/render`"] = partial(_render, other, url, form)
            ways[f"{form.upper()}: `GET /chart`"] = partial(_get, http, series="hour", format=form)
        times = await _in_turns(ways, ROUNDS_BESIDE)
        cost = {name: await _cost(way) for name, way in ways.items()}
    rows = []
    for name, some in times.items():
        other_name = f"{name[:3]}: Graphite, `/render`"
        rows.append([name, f"{1000 * median(some):.0f} ms", f"{1000 * percentile(some, 0.9):.0f} ms"])
        rows[-1].append(f"{median(some) / median(times[other_name]):.2f}")
        rows[-1] += [f"{1000 * cost[name]:.0f} ms", f"{cost[name] / cost[other_name]:.2f}"]
    head = ["how", "median", "p90", "ratio", "CPU", "ratio"]
    show("The same hour beside Graphite, 960 by 480, nothing cached", head, rows)


async def _cost(way: Way) -> float:
    """The CPU seconds that all the processes started here take for one picture: of these, one is busy."""
    before = _cpu_seconds()
    for _ in range(ROUNDS_BESIDE):
        await way()
    return (_cpu_seconds() - before) / ROUNDS_BESIDE


def _cpu_seconds() -> float:
    return sum(sum(one.cpu_times()[:2]) for one in psutil.Process().children(recursive=True))


async def _minutes(http: httpx.AsyncClient) -> dict[str, Points]:
    buckets = (await http.get("/chart", params={"series": "hour", "format": "json"})).json()["buckets"]
    return {
        f"hour/{name}": [(datetime.fromisoformat(one["bucket"]).timestamp(), one[name]) for one in buckets]
        for name in ("plan", "fact")
    }


async def _render(http: httpx.AsyncClient, url: str, form: str) -> None:
    """Request a picture of Graphite's that isn't cached, as it is told and because its title is new."""
    query = f"from=-1h&width=960&height=480&format={form}&noCache=1&title=Hour+{next(NUMBERS)}"
    answer = await http.get(f"{url}/render?target=hour.plan&target=hour.fact&{query}")
    assert form in answer.headers["content-type"], answer.text


async def _measure_year(http: httpx.AsyncClient) -> None:
    year = {"format": "png", "from": "-365d", "step": "1d"}
    lines = [f"line {number}" for number in range(20)]
    ways: dict[str, Way] = {
        "an hour, per minute": lambda: _get(http, format="png"),
        "a year, per day": lambda: _get(http, **year, tz="UTC"),
        "a year, per day in Berlin": lambda: _get(http, **year, tz="Europe/Berlin"),
        "a year, per day in Kolkata": lambda: _get(http, **year, tz="Asia/Kolkata"),
        "one series: a year, per day in Berlin": lambda: _get(http, **year, tz="Europe/Berlin", series=lines[:1]),
        "20 series by name: a year, per day": lambda: _get(http, **year, tz="UTC", series=lines),
        "20 series by name: a year, per day in Berlin": lambda: _get(http, **year, tz="Europe/Berlin", series=lines),
        "20 series by name: a year, per month in Berlin": lambda: _get(
            http, **{**year, "step": "1M"}, tz="Europe/Berlin", series=lines
        ),
    }
    times = await _in_turns(ways)
    hour = median(times["an hour, per minute"])
    rows = [[name, f"{1000 * median(some):.0f} ms", f"{median(some) / hour:.2f}"] for name, some in times.items()]
    show("A PNG out of the readings of a year, 20 series", ["what", "time, nothing cached", "ratio"], rows)


async def _in_turns(ways: dict[str, Way], rounds: int = ROUNDS) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(rounds + 2):
        for name, way in ways.items():
            started = time.perf_counter()
            await way()
            if turn >= 2:  # the first two are for warming up
                times[name].append(time.perf_counter() - started)
    return times


async def _get(http: httpx.AsyncClient, **params: Any) -> None:
    """Request a chart that isn't cached, because its title is new."""
    answer = await http.get("/chart", params={**params, "title": f"Plan and fact {next(NUMBERS)}"})
    assert "cache;desc=miss" in answer.headers["server-timing"], answer.text


async def _alone(draw: Callable[..., object], spec: str) -> None:
    draw(json.loads(spec), allowed_base_urls=[])


def _pandas(target: Target) -> Way | None:
    """The same chart by pandas and matplotlib; None where these aren't installed. `make bench` installs them."""
    try:
        import matplotlib as mpl
        import pandas as pd
    except ImportError:
        return None
    mpl.use("agg")
    import matplotlib.pyplot as plt

    async def draw() -> None:
        con = await target.connect()
        since = datetime.now(UTC) - timedelta(hours=1)
        rows = await con.fetch("select ts, plan, fact from reading where series = 'hour' and ts >= $1", since)
        await con.close()
        frame = pd.DataFrame([tuple(row) for row in rows], columns=["ts", "plan", "fact"])
        sums = frame.groupby(frame["ts"].dt.floor("min"))[["plan", "fact"]].sum()
        sums.index = sums.index.strftime("%Y-%m-%d %H:%M")
        axes = sums.plot.bar(figsize=(9.6, 4.8))
        axes.figure.savefig(io.BytesIO(), format="png", dpi=100)
        plt.close(axes.figure)

    return draw


async def _fill(target: Target, readings: int) -> None:
    """Write a year of readings by SQL and refresh its rollups; and an hour with one reading a second."""
    con = await target.connect()
    insert = """
        insert into reading (ts, series, plan, fact)
        select $1::timestamptz + n * ($2::interval / $3::double precision), $4 || n % $5::int, n % 100, n % 90
        from generate_series(0, $3::int - 1) n
    """
    await con.execute("set synchronous_commit to off")  # filling isn't measured
    pause = (
        "select alter_job(job_id, scheduled => false) from timescaledb_information.jobs where hypertable_schema = $1"
    )
    await insist(partial(con.execute, pause, target.schema))  # the rollups are refreshed below
    year, now = timedelta(days=365), datetime.now(UTC)
    started = time.perf_counter()
    for part in range(10):
        share = year / 10
        await con.execute(insert, now - year + part * share, share, readings // 10, "line ", 20, timeout=3600)
    await con.execute(
        insert.replace("$4 || n % $5::int", "$4 || left($5::int::text, 0)"),
        now - timedelta(hours=1),
        timedelta(hours=1),
        3600,
        "hour",
        1,
    )
    if "community" in target.describe:
        for part in range(24):  # piece by piece, as the policies would have done
            first = now - year + part * year / 24
            await refresh(con, first - timedelta(days=2), first + year / 24)
    await con.close()
    print(f"\n{readings:,} readings over a year, made in {time.perf_counter() - started:.0f} s")
