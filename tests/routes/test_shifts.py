"""Periods that are named by a shift, as clients see them."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from service.charts.question import Appearance, ChartQuestion
from service.period.ends import Asked, read_ends
from service.period.shifts import Shift, Shifts
from service.period.steps import Period, make_period
from service.routes.chart.caching import kept_until
from tests.conftest import Engine, settings_for
from tests.harness import Running, running
from tests.pictures import texts

pytestmark = pytest.mark.anyio

TEXT = "early 00:00-12:00 break 09:00-09:15; late 12:00-24:00"
SHIFTS = Shifts.read(TEXT, "UTC")
HTML = {"Accept": "text/html,*/*;q=0.8"}


@pytest.fixture
async def shifted(engine: Engine, schema: str) -> AsyncIterator[Running]:
    """A service that knows shifts."""
    async with running(settings_for(engine, schema, shifts=TEXT)) as service:
        yield service


def running_shift() -> Shift:
    found = SHIFTS.at(datetime.now(UTC))
    assert found is not None
    return found


def rfc(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


async def chart(service: Running, **params: Any) -> httpx.Response:
    answer = await service.http.get("/chart", params=params)
    assert answer.status_code == 200, answer.text
    return answer


async def test_a_chart_of_the_running_shift_reaches_to_its_end(shifted: Running) -> None:
    await shifted.http.post("/readings", json=[{"plan": 40, "fact": 38}, {"plan": 7, "ts": rfc(datetime.now(UTC))}])
    found = running_shift()
    for asked in ({"from": "shift", "until": "shift"}, {"shift": "shift"}, {"shift": found.name}):
        numbers = (await chart(shifted, **asked, format="json", step="1h")).json()
        assert (numbers["from"], numbers["until"]) == (rfc(found.start), rfc(found.end))
        answer = await chart(shifted, **asked, format="svg")
        assert f"Plan and fact, {found.name} shift of {found.date}" in " ".join(texts(answer.content))
        until = datetime.fromisoformat(answer.headers["x-data-until"])
        assert until <= datetime.now(UTC)
        age = int(answer.headers["cache-control"].rpartition("=")[2])
        assert 0 <= age <= 300
    open_end = (await chart(shifted, **{"from": "shift"}, format="json", step="1m")).json()
    assert open_end["from"] == rfc(found.start)
    assert datetime.fromisoformat(open_end["until"]) <= datetime.now(UTC) + timedelta(minutes=1)


async def test_totals_begin_anew_with_each_shift(engine: Engine, schema: str) -> None:
    """In every format; those of a night shift go on over midnight, and over the hour that comes twice."""
    rules = "day 06:00-22:00; night 22:00-06:00 break 04:00-04:30"
    made = settings_for(engine, schema, shifts=rules).model_copy(update={"chart_tz": "Europe/Berlin"})
    async with running(made) as service:
        night = {"ts": "2026-10-24T20:00:00Z", "for": "9h", "plan": 510, "fact": 510}
        day = {"ts": "2026-10-25T05:00:00Z", "for": "2h", "plan": 120, "fact": 110}
        assert (await service.http.post("/readings", json=[night, day])).status_code == 200
        asked = {"from": "2026-10-24T23:00:00Z", "until": "2026-10-25T07:00:00Z", "step": "1h", "cumulative": "shift"}
        found = (await chart(service, **asked, format="json")).json()["buckets"]
        # the period begins in the night, whose totals count from 22:00 on
        plans = [240, 300, 360, 420, 450, 510, 60, 120]
        assert [round(one["plan_total"], 6) for one in found] == plans
        assert [round(one["ahead"], 6) for one in found] == [0, 0, 0, 0, 0, 0, -5, -10]
        table = (await chart(service, **asked, format="csv")).text.splitlines()
        assert [round(float(row.split(",")[4]), 6) for row in table[1:]] == plans
        assert "lines: totals of each shift" in " ".join(texts((await chart(service, **asked, format="svg")).content))


async def test_a_title_of_ones_own_leaves_the_shift_to_the_line_below(shifted: Running) -> None:
    answer = await chart(shifted, shift="early@2026-11-24", title="Hall 3", format="svg", agg="avg")
    assert "early shift of 2026-11-24; average" in " ".join(texts(answer.content))
    plain = await chart(shifted, shift="early@2026-11-24", format="svg", agg="avg")
    assert "Plan and fact, average, early shift of 2026-11-24" in " ".join(texts(plain.content))


async def test_the_tag_tells_a_shift_from_the_same_times(shifted: Running) -> None:
    times = {"from": "2026-11-24T00:00Z", "until": "2026-11-24T12:00Z"}
    shift = await chart(shifted, shift="early@2026-11-24", format="svg")
    plain = await chart(shifted, **times, format="svg")
    assert shift.headers["etag"] != plain.headers["etag"]
    assert shift.headers["cache-control"] == "public, max-age=86400"
    tables = [await chart(shifted, **one, format="csv") for one in ({"shift": "EARLY@20261124"}, times)]
    assert tables[0].headers["etag"] == tables[1].headers["etag"]
    again = await shifted.http.get(
        "/chart",
        params={"shift": "early@2026-11-24", "format": "svg"},
        headers={"If-None-Match": shift.headers["etag"]},
    )
    assert again.status_code == 304


async def test_records_and_exports_of_a_shift(shifted: Running) -> None:
    readings = [{"ts": f"2026-11-24T{hour:02}:30:00Z", "plan": hour} for hour in range(24)]
    await shifted.http.post("/readings", json=readings)
    page = await shifted.http.get("/display", params={"shift": "early@2026-11-24", "per_page": 5})
    assert (page.json()["total"], page.json()["items"][0]["plan"]) == (12, 11)
    beside = await shifted.http.get(page.links["next"]["url"])
    assert [item["plan"] for item in beside.json()["items"]] == [6, 5, 4, 3, 2]
    shown = (await shifted.http.get("/display?shift=early@2026-11-24&per_page=5", headers=HTML)).text
    assert 'name="from" value="2026-11-24 00:00"' in shown
    assert 'name="until" value="2026-11-24 12:00"' in shown
    assert "/chart?shift=early%402026-11-24&amp;format=html" in shown
    assert "/?from=2026-11-24+00%3A00&amp;until=2026-11-24+12%3A00" in shown
    lines = (await shifted.http.get("/readings", params={"shift": "late@2026-11-24", "format": "csv"})).text
    assert len(lines.splitlines()) == 13
    span = {"from": "last-shift", "until": "shift"}
    assert (await shifted.http.get("/readings", params=span)).status_code == 200
    problem = (await shifted.http.get("/display", params={"shift": "early", "from": "-1h", "tz": "Mars"})).json()
    assert {error["field"] for error in problem["errors"]} == {"shift", "tz"}


async def test_the_live_page_shows_shifts(shifted: Running) -> None:
    await shifted.http.post("/readings", json={"plan": 40, "fact": 38})
    page = (await shifted.http.get("/", params={"period": "shift"}, headers=HTML)).text
    assert '<input type="radio" name="period" value="shift" checked>' in page
    assert "This shift" in page
    assert "/display?shift=shift" in page
    assert "/chart?shift=shift&amp;tz=UTC&amp;format=svg" in page
    records = (await shifted.http.get("/display", params={"shift": "last-shift"}, headers=HTML)).text
    assert "/?period=last-shift" in records


@pytest.mark.parametrize("path", ["/chart", "/display", "/readings"])
async def test_without_shifts_the_setting_is_named(shared: Running, path: str) -> None:
    for field, value in (("from", "shift"), ("until", "last-shift"), ("shift", "early")):
        answer = await shared.http.get(path, params={field: value})
        assert answer.status_code == 400
        assert "the setting SHIFTS names them" in answer.json()["detail"]
        assert answer.json()["errors"][0]["field"] == field


@pytest.mark.parametrize(
    ("now", "asked", "kept"),
    [
        ("13:57:30", {"shift": "shift"}, "13:58:00"),  # the step that is running
        ("13:57:30", {"start": "shift", "until": "shift"}, "13:58:00"),
        ("13:57:30", {"shift": "a@2026-11-24"}, "13:58:00"),
        ("11:59:58", {"shift": "last-shift"}, "12:04:58"),  # nothing changes soon
        ("13:59:30", {"shift": "last-shift"}, "13:59:59"),  # when another one is over
        ("22:03:00", {"shift": "b"}, "22:08:00"),
        ("05:59:00", {"shift": "b"}, "06:04:00"),
        ("05:57:00", {"shift": "shift"}, "05:59:59"),  # none is running until then
    ],
)
def test_a_chart_may_be_kept_until_the_shift_moves_on(now: str, asked: dict[str, str], kept: str) -> None:
    shifts = Shifts.read("a 06:00-14:00; b 14:00-22:00", "UTC")
    moment = datetime.fromisoformat(f"2026-11-24T{now}+00:00")

    def period_at(then: datetime, step: str | None = "1m") -> Period:
        ends = read_ends(Asked(**asked), "UTC", then, shifts)
        return make_period(ends.start, ends.until, step, "UTC", then, 240)

    period = period_at(moment)
    question = ChartQuestion(period, period.unfinished(moment), Appearance("%H:%M"))
    until = kept_until(Asked(**asked), question, moment, period_at)
    assert until is not None
    assert f"{until:%H:%M:%S}" == kept


def test_a_shift_that_ends_within_a_step_moves_on_then() -> None:
    shifts = Shifts.read("a 06:00-14:02; b 14:02-22:00", "UTC")
    moment = datetime(2026, 11, 24, 14, 0, 30, tzinfo=UTC)

    def period_at(then: datetime) -> Period:
        ends = read_ends(Asked(shift="shift"), "UTC", then, shifts)
        return make_period(ends.start, ends.until, "15m", "UTC", then, 240)

    period = period_at(moment)
    question = ChartQuestion(period, period.unfinished(moment), Appearance("%H:%M"))
    until = kept_until(Asked(shift="shift"), question, moment, period_at)
    assert until == datetime(2026, 11, 24, 14, 1, 59, tzinfo=UTC)
