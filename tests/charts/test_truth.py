"""The numbers of a chart are those of GROUP BY over the raw readings, whatever was written and whenever."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import asyncpg
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from service.errors import Unavailable
from service.store.migrate import search_path
from tests.conftest import Engine, run_jobs
from tests.examples import examples
from tests.harness import Running

pytestmark = pytest.mark.anyio

ZONES = ("UTC", "Europe/Berlin", "Asia/Kolkata", "America/St_Johns")
EDGES = {
    "1m": "date_trunc('minute', ts)",
    "15m": "date_bin('15 minutes', ts, '2000-01-01T00:00Z')",
    "30m": "date_bin('30 minutes', ts at time zone $4, '2000-01-01'::timestamp) at time zone $4",
    "1h": "date_trunc('hour', ts, $4)",
    "6h": "date_bin('6 hours', ts at time zone $4, '2000-01-01'::timestamp) at time zone $4",
    "1d": "date_trunc('day', ts, $4)",
    "1w": "date_trunc('week', ts, $4)",
    "1M": "date_trunc('month', ts, $4)",
    "1y": "date_trunc('year', ts, $4)",
}
"""These expressions are deliberately different from those of the service."""
AGGREGATES = {
    "sum": "sum({0})",
    "avg": "avg({0})",
    "min": "min({0})",
    "max": "max({0})",
}
WITHOUT_SHRINKING = (Phase.explicit, Phase.reuse, Phase.generate)
LAST = "(array_agg({0} order by ts desc) filter (where {0} is not null))[1]"
"""The last value of each series; these are then summed."""
NUMBERS = count()

# multiples of a quarter, whose sums are exact in any order
values = st.none() | st.integers(-4000, 4000).map(lambda number: number / 4)
ages = st.integers(0, 90) | st.sampled_from([0, 59, 60, 61, 179, 180, 1439, 1440]) | st.integers(0, 3 * 1440)
readings = st.tuples(st.sampled_from("ab"), ages, values, values)
batches = st.lists(readings, min_size=1, max_size=8)
events = st.lists(batches | st.sampled_from(["refresh late", "run jobs"]), min_size=1, max_size=5)
asked = st.tuples(st.sampled_from(sorted(EDGES)), st.sampled_from(sorted(AGGREGATES)), st.sampled_from(ZONES))


@asynccontextmanager
async def raw(service: Running, engine: Engine) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    schema = (await service.http.get("/readyz")).json()["schema"]
    con = await asyncpg.connect(engine.url, server_settings={"search_path": search_path(schema, engine.server)})
    try:
        yield con
    finally:
        await con.close()


@examples(0.15)
@given(happened=events, wish=asked)
async def test_the_chart_is_group_by_over_raw_readings(
    shared: Running, engine: Engine, happened: list[Any], wish: tuple[str, str, str]
) -> None:
    names = [f"truth {next(NUMBERS)} {letter}" for letter in "ab"]
    for event in happened:
        await _do(shared, event, names)
    step, agg, zone = wish
    start = (datetime.now(UTC) - timedelta(minutes=200 if step == "1m" else 5000)).replace(second=0, microsecond=0)
    query = {"from": start.isoformat(), "step": step, "agg": agg, "tz": zone, "series": names, "format": "json"}
    answer = await shared.http.get("/chart", params=query)
    assert answer.status_code == 200, answer.text
    async with raw(shared, engine) as con:
        expected = await _group_by(con, answer.json(), names, step, agg, zone)
    assert [tuple(bucket.values()) for bucket in answer.json()["buckets"]] == expected


async def _do(service: Running, event: Any, names: list[str]) -> None:
    rollups = service.parts.store.rollups
    match event:
        case "refresh late" | "run jobs" if service.parts.store.server.edition == "apache":
            pass  # on the Apache edition the rollups are plain views
        case "refresh late":
            with suppress(Unavailable):  # the server's own workers may be refreshing
                await rollups.refresh_late()
        case "run jobs":
            with suppress(Unavailable):
                await run_jobs(service.parts.store)
        case _:
            now = datetime.now(UTC)
            batch = [
                {
                    "series": names["ab".index(letter)],
                    "ts": (now - timedelta(minutes=age)).isoformat(),
                    **({"plan": plan} if plan is not None else {}),
                    **({"fact": fact} if fact is not None else {}),
                }
                for letter, age, plan, fact in event
            ]
            assert (await service.http.post("/readings", json=batch)).status_code == 200


async def _group_by(
    con: "asyncpg.Connection[asyncpg.Record]", found: dict[str, Any], names: list[str], step: str, agg: str, zone: str
) -> list[tuple[Any, ...]]:
    of_series = {**AGGREGATES, "last": LAST}[agg]
    columns = ", ".join(of_series.format(column) + f" as {column}" for column in ("plan", "fact"))
    apart = ", series" if agg == "last" else ""
    rows = await con.fetch(
        "select bucket, sum(plan), sum(fact), sum(readings)::bigint from ("
        f"select {EDGES[step]} as bucket{apart}, {columns}, count(*) as readings from reading "
        "where series = any($1) and ts >= $2 and ts < $3 and $4::text is not null "
        f"group by 1{', 2' if apart else ''}) each group by 1 order by 1",
        names,
        datetime.fromisoformat(found["from"]),
        datetime.fromisoformat(found["until"]),
        zone,
    )
    return [(f"{row['bucket'].astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}", *list(row)[1:]) for row in rows]


# around the ends of weeks, months and years, and around clock changes; whole minutes, like the edges of steps
moments = st.builds(
    lambda edge, minutes: edge + timedelta(minutes=minutes),
    st.sampled_from(
        [
            datetime(year, month, day, tzinfo=UTC)
            for year in (2005, 2006, 2015, 2025)
            for month, day in ((1, 1), (3, 1), (3, 29), (11, 1), (12, 29))
        ]
    ),
    st.integers(-900, 900),
)
old_readings = st.tuples(st.sampled_from("ab"), moments, values, values)
old_batches = st.lists(st.lists(old_readings, min_size=1, max_size=10), min_size=1, max_size=3)
long_asked = st.tuples(
    st.sampled_from(["1w", "1M", "1y"]),
    st.sampled_from([*sorted(AGGREGATES), "last"]),
    st.sampled_from([*ZONES, "Australia/Lord_Howe", "Pacific/Apia"]),
    st.booleans(),
)


@settings(examples(0.1), phases=WITHOUT_SHRINKING)
@given(batches=old_batches, refreshed=st.booleans(), wish=long_asked)
async def test_weeks_months_and_years_are_group_by_over_decades(
    shared: Running, engine: Engine, batches: list[Any], refreshed: bool, wish: tuple[str, str, str, bool]
) -> None:
    """With late readings and with refreshed rollups, for all series together and split by series."""
    names = [f"long {next(NUMBERS)} {letter}" for letter in "ab"]
    apart = count()  # all at different times, since otherwise the last one isn't defined
    for batch in batches:
        rows = [
            {
                "series": names["ab".index(letter)],
                "ts": (at + timedelta(microseconds=next(apart))).isoformat(),
                "plan": plan,
                "fact": fact,
            }
            for letter, at, plan, fact in batch
        ]
        rows = [{key: value for key, value in row.items() if value is not None} for row in rows]
        assert (await shared.http.post("/readings", json=rows)).status_code == 200
    if refreshed:
        await _do(shared, "refresh late", names)
    step, agg, zone, split = wish
    first, last = (choose(at for batch in batches for _, at, _, _ in batch) for choose in (min, max))
    # the most weeks for which there may be bars, in one panel and in two
    most = timedelta(days=2500 if split else 5000)
    until = min(last, first + most if step == "1w" else last) + timedelta(minutes=1)
    query = {"from": first.isoformat(), "until": until.isoformat(), "step": step, "agg": agg, "tz": zone}
    more = {"series": names, "format": "json", **({"split": "series"} if split else {})}
    answer = await shared.http.get("/chart", params={**query, **more})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    async with raw(shared, engine) as con:
        for some in [[name] for name in names] if split else [names]:
            expected = await _group_by(con, found, some, step, agg, zone)
            buckets = [one for one in found["buckets"] if not split or one["series"] == some[0]]
            assert [tuple(one[key] for key in ("bucket", "plan", "fact", "readings")) for one in buckets] == expected


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25)])
async def test_a_day_on_which_the_clock_changes(shared: Running, name: str, day: str, hours: int) -> None:
    """There is a reading every half hour from midnight to midnight in Berlin, and one just before and just after that
    day."""
    midnight = datetime.fromisoformat(f"{day}T00:00:00+0{1 if hours == 23 else 2}:00")
    times = [midnight + timedelta(minutes=30 * number) for number in range(-1, 2 * hours + 1)]
    batch = [{"series": name, "ts": at.isoformat(), "plan": 1} for at in times]
    assert (await shared.http.post("/readings", json=batch)).status_code == 200
    for step, expected in (("1d", [2 * hours]), ("1h", [2] * hours), ("6h", [2 * (hours - 18), 12, 12, 12])):
        query = {"from": day, "until": f"{day} 23:59", "tz": "Europe/Berlin", "step": step, "series": name}
        found = (await shared.http.get("/chart", params={**query, "format": "json"})).json()
        assert [bucket["plan"] for bucket in found["buckets"]] == expected
        assert datetime.fromisoformat(found["from"]) == midnight
        assert datetime.fromisoformat(found["until"]) - midnight == timedelta(hours=hours)


async def test_a_zone_half_an_hour_off_has_its_own_hours(shared: Running, name: str) -> None:
    batch = [{"series": name, "ts": f"2026-01-05T{hour:02}:29:59Z", "plan": 1} for hour in range(24)]
    assert (await shared.http.post("/readings", json=batch)).status_code == 200
    query = {"from": "2026-01-05", "until": "2026-01-06", "tz": "Asia/Kolkata", "step": "1h", "series": name}
    found = (await shared.http.get("/chart", params={**query, "format": "json"})).json()["buckets"]
    assert found[0]["bucket"] == "2026-01-04T23:30:00Z"
    assert {bucket["bucket"][14:] for bucket in found} == {"30:00Z"}


async def test_a_clock_off_by_seconds_loses_no_reading_to_the_next_step(shared: Running, name: str) -> None:
    times = [f"1971-06-01T{hour:02}:{at}Z" for hour in range(6, 12) for at in ("44:45", "45:15")]
    assert (
        await shared.http.post("/readings", json=[{"series": name, "ts": at, "plan": 1} for at in times])
    ).status_code == 200
    query = {"from": times[1], "until": times[-2], "tz": "Africa/Monrovia", "step": "1h", "series": name}
    found = (await shared.http.get("/chart", params={**query, "format": "json"})).json()["buckets"]
    assert {bucket["bucket"][14:] for bucket in found} == {"45:00Z"}
    assert [bucket["plan"] for bucket in found] == [2] * 5


@pytest.mark.parametrize("step", ["1m", "15m", "1h", "6h", "1d"])
@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata"])
async def test_the_header_says_to_the_minute_how_fresh(shared: Running, name: str, step: str, zone: str) -> None:
    """This holds whichever relation the numbers come from: the bar of an hour doesn't make an old reading fresher, nor
    does a plan."""
    rows = [{"series": name, "fact": 1, "ts": f"2026-05-04T{at}Z"} for at in ("03:02:01", "09:17:40.5", "09:17:59")]
    rows += [{"series": name, "plan": 1, "ts": f"2026-05-04T{at}Z"} for at in ("03:02:01", "09:18:00", "11:40:00")]
    rows += [{"series": name + "+", "plan": 1, "ts": "2026-05-04T05:00:00Z"}]
    await shared.http.post("/readings", json=rows)
    asked = {"from": "2026-05-04T00:00Z", "until": "2026-05-04T12:00Z", "tz": zone, "step": step, "format": "json"}
    for series, until in (([name], "2026-05-04T09:18:00Z"), ([], None), ([name + "-"], None), ([name + "+"], None)):
        answer = await shared.http.get("/chart", params={**asked, "series": series})
        if until or series:
            assert answer.headers.get("X-Data-Until") == until
        else:  # other tests may have written readings of that time as well
            assert answer.headers["X-Data-Until"] >= "2026-05-04T09:18:00Z"
    split = await shared.http.get("/chart", params={**asked, "series": [name, name + "-"], "split": "series"})
    assert split.headers["X-Data-Until"] == "2026-05-04T09:18:00Z"
