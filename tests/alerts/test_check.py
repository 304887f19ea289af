"""`GET /check` as monitors see it: the status, and the sentence that says why."""

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.access.grants import Scope
from service.period.comparison import Threshold
from service.period.selection import SeriesFilter
from tests.conftest import Engine, settings_for
from tests.examples import examples
from tests.harness import Running, running
from tests.keyrings import add_key, bearer

pytestmark = pytest.mark.anyio

MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
async def _within_a_minute() -> None:
    """A test shouldn't see two minutes."""
    if (second := datetime.now(UTC).second) > 52:
        await asyncio.sleep(60.5 - second)


def minute() -> datetime:
    """The beginning of the running minute."""
    return datetime.now(UTC).replace(second=0, microsecond=0)


async def check(service: Running, **params: Any) -> httpx.Response:
    """A check of the last two hours."""
    asked = {"from": (minute() - 120 * MINUTE).isoformat(), "tz": "UTC", **params}
    return await service.http.get("/check", params={name.rstrip("_"): value for name, value in asked.items()})


async def post(service: Running, *readings: dict[str, Any]) -> None:
    answer = await service.http.post("/readings", json=list(readings))
    assert answer.status_code == 200, answer.text


def clock(moment: datetime) -> str:
    """As sentences have it: with the date where that isn't today's."""
    return f"{moment:%H:%M}" if moment.date() == minute().date() else f"{moment:%Y-%m-%d %H:%M}"


def row(series: str, ago: int, **numbers: float) -> dict[str, Any]:
    """A reading of so many minutes ago; less than 0 is ahead."""
    return {"series": series, "ts": (minute() - ago * MINUTE).isoformat(), **numbers}


async def test_behind_by_a_number_and_by_a_share(shared: Running, name: str) -> None:
    await post(shared, *(row(name, n, plan=10, fact=10 if n > 20 else 6) for n in range(1, 61)))
    found = await check(shared, series=name, behind="10%")
    assert found.status_code == 409
    body = found.json()
    assert (body["ok"], body["behind"], body["plan"], body["fact"], body["ahead"]) == (False, 80, 600, 520, -80)
    # after 14 minutes of 4 behind: 56 of 540 is more than a tenth
    since = minute() - 6 * MINUTE
    assert datetime.fromisoformat(body["since"]) == since
    assert body["detail"] == f"80 behind since {clock(since)}, allowed are 10%"
    assert found.headers["cache-control"] == "no-store"
    for asked, status in (("80", 200), ("79", 409), ("14%", 200), ("13.3%", 409)):
        assert (await check(shared, series=name, behind=asked)).status_code == status, asked
    assert (await check(shared, series=name, behind="80")).json()["detail"] == "80 behind, allowed are 80"


async def test_only_what_lasts_counts(shared: Running, name: str) -> None:
    await post(shared, *(row(name, n, plan=10, fact=0 if n < 5 else 10) for n in range(1, 31)))
    for lasting, status in (("0s", 409), ("3m", 409), ("4m", 200), ("1h", 200)):
        found = await check(shared, series=name, behind=5, for_=lasting)
        assert found.status_code == status, lasting
        since = datetime.fromisoformat(found.json()["since"]) if status == 409 else None
        assert since in (None, minute() - 3 * MINUTE)


async def test_plans_that_are_not_due_do_not_count(shared: Running, name: str) -> None:
    await post(shared, row(name, 0, plan=100), row(name, -10, plan=100), row(name, 3, plan=2, fact=2))
    assert (await check(shared, series=name, behind=0)).json()["detail"] == "as planned"


async def test_silence_counts_while_something_is_planned(shared: Running, name: str) -> None:
    """Facts until 30 minutes ago, a plan for each minute but for a break in the last ten."""
    await post(shared, *(row(name, n, fact=1) for n in range(30, 60)))
    planned = [row(name, n, plan=1) for n in (*range(11, 60), *range(-60, 0))]
    await post(shared, *planned)
    in_break = await check(shared, series=name, stale="5m")
    assert in_break.status_code == 200
    assert in_break.json()["detail"] == "facts come as they should"
    await post(shared, row(name, 1, plan=1))
    after = await check(shared, series=name, stale="5m")
    assert after.status_code == 409
    since = minute() - 29 * MINUTE
    assert after.json()["detail"] == f"no fact since {clock(since)}, allowed are 5m"
    assert datetime.fromisoformat(after.json()["since"]) == since
    # 19 minutes before the break, and one after it
    assert (await check(shared, series=name, stale="20m")).status_code == 409
    assert (await check(shared, series=name, stale="21m")).status_code == 200
    await post(shared, row(name, 0, fact=1))
    assert (await check(shared, series=name, stale="5m")).status_code == 200


@pytest.mark.parametrize("plan", [{}, {"plan": 1}], ids=["no plan", "plans that come with the facts"])
async def test_silence_where_no_plan_tells_when_facts_are_due(shared: Running, name: str, plan: Any) -> None:
    await post(shared, *(row(name, n, fact=1, **plan) for n in range(10, 20)))
    assert (await check(shared, series=name, stale="8m")).status_code == 409
    assert (await check(shared, series=name, stale="15m")).status_code == 200


async def test_a_plan_by_the_hour_says_that_facts_are_due(shared: Running, name: str) -> None:
    await post(shared, *(row(name, n, plan=60) for n in (230, 170, 110, 50, -10, -70)), row(name, 30, fact=1))
    assert (await check(shared, series=name, stale="21m")).status_code == 409
    assert (await check(shared, series=name, stale="40m")).status_code == 200


async def test_a_series_that_there_is_none_of_is_silent(shared: Running, name: str) -> None:
    found = await check(shared, series=name, stale="5m")
    assert (found.status_code, found.json()["detail"]) == (409, "no fact for days, allowed are 5m")
    assert (await check(shared, series=name, behind="5%")).status_code == 200


async def test_each_series_by_itself(shared: Running, name: str) -> None:
    await post(shared, row(f"{name} a", 5, plan=10, fact=15), row(f"{name} b", 5, plan=10, fact=7))
    both = {"series": [f"{name} a", f"{name} b"], "behind": 1}
    assert (await check(shared, **both)).status_code == 200
    found = await check(shared, **both, split="series")
    assert found.status_code == 409
    assert [(one["series"], one["ok"], one["behind"]) for one in found.json()["series"]] == [
        (f"{name} a", True, 0),
        (f"{name} b", False, 3),
    ]
    assert found.json()["detail"].startswith(f"{name} b: 3 behind since ")


async def test_outside_of_shifts_and_in_breaks_nothing_is_due(engine: Engine, schema: str) -> None:
    now = minute()
    begun, ended = now - 50 * MINUTE, now - 30 * MINUTE
    rest = f"{now - 20 * MINUTE:%H:%M}-{now + 20 * MINUTE:%H:%M}"
    over = f"early {begun:%H:%M}-{ended:%H:%M}"
    in_break = f"long {begun:%H:%M}-{now + 50 * MINUTE:%H:%M} break {rest}"
    for shifts in (over, in_break):
        async with running(settings_for(engine, schema, shifts=shifts)) as service:
            name = shifts.split()[0]
            await post(service, row(name, 300, fact=1), row(name, 45, plan=20, fact=1), row("b", 300, fact=1))
            assert (await service.http.get("/check", params={"stale": "5m", "series": "b"})).status_code == 200
            behind = (await service.http.get("/check", params={"behind": 5, "series": name})).json()
            assert (behind["behind"], datetime.fromisoformat(behind["from"])) == (19, begun)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({}, "What is allowed is missing: give behind, like 10% or 37, or stale, like 5m, or both."),
        ({"behind": "much"}, "behind: 'much' must be a number, or a share of the plan like 10%."),
        ({"behind": "-1"}, "behind: '-1' must be a number, or a share of the plan like 10%."),
        ({"behind": "none"}, "behind: 'none' must be a number, or a share of the plan like 10%."),
        ({"behind": 1, "for": "soon"}, "for: 'soon': 'soon' isn't a duration"),
        ({"behind": 1, "for": "2d"}, "for: must be from 0s to 1d."),
        ({"stale": "5s"}, "stale: must be from 1m to 1d."),
        ({"stale": "5m", "for": "5m"}, "for: belongs to behind; stale is a time by itself."),
        ({"behind": 1, "split": "all"}, "split: 'all' isn't allowed; allowed are series, none."),
        ({"behind": 1, "Series": "x"}, "'Series' isn't a parameter here; allowed are series, behind, for"),
        ({"behind": 1, "shift": "early"}, "shift: no shifts are known here"),
        ({"behind": 1, "from": "-40d", "until": "now"}, "from: a check is of at most 31 days; give a shorter period."),
        ({"behind": 1, "tz": "Mars"}, "tz: 'Mars' isn't an IANA time zone"),
    ],
)
async def test_mistakes_are_named(shared: Running, asked: dict[str, Any], told: str) -> None:
    found = await shared.http.get("/check", params=asked)
    assert found.status_code == 400
    assert found.json()["detail"].startswith(told)


async def test_a_key_sees_its_series_alone(fresh: Running) -> None:
    await post(fresh, row("a", 2, plan=9), row("b", 2, plan=5))
    key = bearer(await add_key(fresh, "some", Scope.READ, series=("a",)))
    writer = bearer(await add_key(fresh, "writer", Scope.WRITE))
    answer = await fresh.http.get("/check", params={"behind": 1, "from": "-1h"}, headers=key)
    assert (answer.status_code, answer.json()["behind"]) == (409, 9)
    cases: list[tuple[dict[str, str], dict[str, str], int]] = [
        (key, {"behind": "1", "series": "b"}, 403),
        (writer, {"behind": "1"}, 403),
        ({}, {"behind": "1"}, 401),
    ]
    for headers, params, status in cases:
        assert (await fresh.http.get("/check", params=params, headers=headers)).status_code == status


async def test_where_the_database_is_away_nobody_knows(fresh: Running) -> None:
    fresh.parts.store.reading.unusable = "Away."
    assert (await fresh.http.get("/check", params={"behind": 1})).status_code == 503


@settings(examples(0.3), suppress_health_check=list(HealthCheck), database=None)
@given(
    st.lists(st.tuples(st.integers(0, 9), st.none() | st.integers(0, 12)), min_size=1, max_size=30),
    st.sampled_from([Threshold(0), Threshold(5), Threshold(10, is_share=True)]),
)
async def test_since_when_it_is_behind(shared: Running, rows: list[tuple[int, int | None]], allowed: Threshold) -> None:
    """Compared with the same, minute by minute."""
    name = f"since {hash((tuple(rows), allowed))}"
    count = len(rows)
    start, due = minute() - (count + 2) * MINUTE, minute() - MINUTE
    await post(
        shared,
        *(row(name, count + 2 - n, plan=plan, fact=fact) for n, (plan, fact) in enumerate(rows) if fact is not None),
        *(row(name, count + 2 - n, plan=plan) for n, (plan, fact) in enumerate(rows) if fact is None),
    )
    plans = list(accumulate(plan for plan, _ in rows))
    facts = list(accumulate(fact or 0 for _, fact in rows))
    missed = [allowed.is_missed(plan, fact) for plan, fact in zip(plans, facts, strict=True)]
    changes = [n for n in range(count) if missed[n] != (missed[n - 1] if n else False)]
    [found] = await shared.parts.store.checks.behind(start, due, SeriesFilter((name,)), allowed, split=False)
    assert (found.plan, found.fact or 0) == (plans[-1], facts[-1])
    assert found.is_missed == missed[-1]
    assert found.since == (start + (changes[-1] + 1) * MINUTE if changes else None)
