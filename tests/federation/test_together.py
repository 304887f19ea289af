"""A view over two sites says what one Taktline says that has the readings of both."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import Engine, dropped_schema, settings_for
from tests.examples import examples
from tests.harness import Running, View, running, viewing

pytestmark = pytest.mark.anyio

SITES = ("berlin", "ulm")
SHIFTS = "early 06:00-14:00; night 22:00-06:00"
VALUES = st.one_of(st.none(), st.integers(-20, 100))
ROWS = st.lists(
    st.tuples(st.integers(-30 * 60, 4 * 60), st.sampled_from(SITES), st.sampled_from("abc"), VALUES, VALUES),
    min_size=5,
    max_size=30,
)
"""Minutes from now on, site, series, plan, fact."""
MOMENTS = count()
"""So that no two readings of a series are of the same moment, of which either may be the last."""
ALWAYS = {
    "from": st.integers(-30 * 60, -60),
    "until": st.integers(-59, 3 * 60),
    "tz": st.sampled_from(["UTC", "Asia/Kolkata", "Europe/Berlin"]),
}
SOMETIMES = {
    "plan": st.sampled_from(["fact-1h", "fact-1d"]),
    "split": st.just("series"),
    "series": st.lists(st.tuples(st.sampled_from(SITES), st.sampled_from("abc*")), min_size=1, max_size=4),
}
SHORT = st.sampled_from(["15m", "1h"])
QUESTIONS = st.one_of(
    st.fixed_dictionaries(
        {
            **ALWAYS,
            "step": st.sampled_from(["15m", "1h", "6h"]),
            "agg": st.sampled_from(["sum", "avg", "min", "max", "last", "increase"]),
        },
        optional=SOMETIMES,
    ),
    st.fixed_dictionaries(
        {
            **ALWAYS,
            "step": SHORT,
            "agg": st.sampled_from(["sum", "increase"]),
            "cumulative": st.sampled_from(["period", "day", "shift"]),
        },
        optional={**SOMETIMES, "hours": st.just("05:00-23:30")},
    ),
)

BOARDS = st.fixed_dictionaries(
    {**ALWAYS, "step": st.sampled_from(["15m", "30m", "1h"])},
    optional={"split": st.just("series"), "series": SOMETIMES["series"]},
)


@dataclass(frozen=True)
class Several:
    """Two sites, a view over them, and one Taktline that has all readings."""

    sites: dict[str, Running]
    whole: Running
    view: View


@pytest.fixture(scope="module")
async def several(engine: Engine) -> AsyncIterator[Several]:
    async with AsyncExitStack() as stack:

        async def started() -> Running:
            schema = await stack.enter_async_context(dropped_schema(engine))
            return await stack.enter_async_context(running(settings_for(engine, schema, shifts=SHIFTS)))

        sites = {name: await started() for name in SITES}
        whole = await started()
        view = await stack.enter_async_context(viewing({name: one.url for name, one in sites.items()}, shifts=SHIFTS))
        yield Several(sites, whole, view)


async def write(several: Several, rows: Sequence[tuple[int, str, str, int | None, int | None]]) -> None:
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    of: dict[str, list[dict[str, Any]]] = {}
    for minute, site, series, plan, fact in rows:
        numbers = {"plan": plan, "fact": None if minute > 0 else fact}
        at = now + timedelta(minutes=minute, microseconds=next(MOMENTS))
        reading = {"ts": at.isoformat()} | {name: value for name, value in numbers.items() if value is not None}
        of.setdefault(site, []).append({**reading, "series": series})
        of.setdefault("", []).append({**reading, "series": f"{site}/{series}"})
    for name, readings in of.items():
        to = several.sites[name] if name else several.whole
        answer = await to.http.post("/readings", json=readings)
        assert answer.status_code == 200, answer.text


async def both(several: Several, asked: dict[str, Any], path: str = "/chart") -> tuple[Any, Any]:
    """The answers of the view and of the whole, of the same minute."""
    names = asked.pop("series", None)
    mine, theirs = dict(asked), dict(asked)
    if names is not None:
        mine["series"] = [f"{site}/{series}" for site, series in names]
        # which one Taktline knows by their names alone
        theirs["series"] = [f"{site}/{one}" for site, series in names for one in ("abc" if series == "*" else series)]
    while True:
        now = datetime.now(UTC).replace(second=0, microsecond=0)
        ends = {name: (now + timedelta(minutes=asked[name])).isoformat() for name in ("from", "until")}
        found = [
            await one.http.get(path, params={**params, **ends, "format": "json"})
            for one, params in ((several.view, mine), (several.whole, theirs))
        ]
        if datetime.now(UTC).replace(second=0, microsecond=0) == now:
            return found[0], found[1]


def rounded(value: Any) -> Any:
    """The same, without the last digits of numbers."""
    match value:
        case dict():
            return {name: rounded(one) for name, one in value.items()}
        case list():
            return [rounded(one) for one in value]
        case float():
            return float(f"{value:.12g}")
        case _:
            return value


async def test_a_view_says_what_one_taktline_would(several: Several) -> None:
    loop = asyncio.get_running_loop()
    statuses: list[int] = []

    async def compare(rows: list[Any], asked: dict[str, Any]) -> None:
        await write(several, rows)
        found, expected = await both(several, asked)
        assert found.status_code == expected.status_code, (found.text, expected.text)
        statuses.append(found.status_code)
        if found.status_code == 200:
            assert rounded(found.json()) == rounded(expected.json())
            # which is the second of the request where the newest fact is of the running minute
            until, of_whole = (one.headers.get("x-data-until", "")[:16] for one in (found, expected))
            assert until == of_whole

    @examples(1)
    @given(rows=ROWS, asked=QUESTIONS)
    def compared(rows: list[Any], asked: dict[str, Any]) -> None:
        asyncio.run_coroutine_threadsafe(compare(rows, dict(asked)), loop).result(60)

    await asyncio.to_thread(compared)
    assert statuses.count(200) > 0.8 * len(statuses)


async def test_a_board_says_what_that_of_one_taktline_would(several: Several) -> None:
    loop = asyncio.get_running_loop()

    async def compare(rows: list[Any], asked: dict[str, Any]) -> None:
        await write(several, rows)
        found, expected = await both(several, asked, "/board")
        assert (found.status_code, expected.status_code) == (200, 200), (found.text, expected.text)
        assert rounded(found.json()) == rounded(expected.json())

    @examples(0.5)
    @given(rows=ROWS, asked=BOARDS)
    def compared(rows: list[Any], asked: dict[str, Any]) -> None:
        asyncio.run_coroutine_threadsafe(compare(rows, dict(asked)), loop).result(60)

    await asyncio.to_thread(compared)


async def test_more_series_than_panels(several: Several) -> None:
    rows = [
        (-90 - number, SITES[number % 2], f"machine {number % 17}", 1, number)
        for number in range(17 * 17)
        if number % 17 >= number // 17
    ]
    await write(several, rows)
    found, expected = await both(several, {"from": -400, "until": 0, "split": "series", "agg": "avg", "step": "1h"})
    assert rounded(found.json()) == rounded(expected.json())
    assert found.json()["others"] > 1


async def test_notes_are_those_of_all_sites(several: Several) -> None:
    when = datetime.now(UTC) - timedelta(days=100)
    for name, site in several.sites.items():
        await site.http.post("/readings", json={"ts": when.isoformat(), "series": "a", "note": f"cleaning of {name}"})
    ends = {"from": (when - timedelta(hours=1)).isoformat(), "until": (when + timedelta(hours=1)).isoformat()}
    notes = (await several.view.http.get("/chart", params={**ends, "format": "json"})).json()["notes"]
    assert [(one["series"], one["note"]) for one in notes] == [(f"{x}/a", f"cleaning of {x}") for x in SITES]
