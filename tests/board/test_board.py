"""`GET /board` as clients see it: rows, where plan and fact stand, notes, formats and mistakes."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.conftest import Engine, settings_for
from tests.harness import Running, running

pytestmark = pytest.mark.anyio

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
HTML = {"Accept": "text/html"}
PATHS = ("plan", "fact")
"""The totals that a tile of the wall draws."""


async def get(service: Running, headers: Any = None, **params: Any) -> httpx.Response:
    answer = await service.http.get("/board", params=params, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer


async def post(service: Running, *readings: dict[str, Any]) -> None:
    answer = await service.http.post("/readings", json=list(readings))
    assert answer.status_code == 200, answer.text


def at(day: int, hour: int, minute: int = 0) -> str:
    return datetime(2026, 3, day, hour, minute, tzinfo=UTC).isoformat()


async def test_a_day_that_is_over_row_by_row(shared: Running) -> None:
    """Three hours: one met, one missed, one in which nothing was sent but the plan; then one without anything."""
    name = "over"
    rows = [{"series": name, "ts": at(2, 6, minute), "plan": 10, "fact": 10} for minute in range(6)]
    rows += [{"series": name, "ts": at(2, 7, minute), "plan": 10, "fact": 8} for minute in range(6)]
    rows += [{"series": name, "ts": at(2, 8, minute), "plan": 10} for minute in range(6)]
    rows += [{"series": name, "ts": at(2, 7, 5), "note": "film torn"}, {"series": "other", "ts": at(2, 7), "note": "x"}]
    await post(shared, *rows)
    found = (await get(shared, **{"from": at(2, 6), "until": at(2, 10), "series": name, "format": "json"})).json()
    sums = {key: found[key] for key in ("target", "plan", "fact", "ahead", "attained", "forecast", "needed_an_hour")}
    assert sums == {
        "target": 180,
        "plan": 180,
        "fact": 108,
        "ahead": -72,
        "attained": 60,
        "forecast": 108,
        "needed_an_hour": None,
    }
    assert found["minutes_ahead"] == -72
    assert [(row["plan"], row["due"], row["fact"], row["difference"], row["ahead"]) for row in found["rows"]] == [
        (60, 60, 60, 0, 0),
        (60, 60, 48, -12, -12),
        (60, 60, 0, -60, -72),
        (None, None, None, None, -72),
    ]
    assert [row["needed_an_hour"] for row in found["rows"]] == [60, 72, None, None]
    assert [row["fact_total"] for row in found["rows"]] == [60, 108, 108, 108]
    assert [[note["note"] for note in row["notes"]] for row in found["rows"]] == [[], ["film torn"], [], []]


async def test_the_running_hour_counts_as_far_as_it_is_due(shared: Running) -> None:
    """The plan of the whole period is known; facts came until ten minutes ago."""
    name, now = "running", datetime.now(UTC).replace(second=0, microsecond=0)
    start = now.replace(minute=0) - 2 * HOUR
    minutes = range(int((now - start) / MINUTE) + 60)
    rows = [{"series": name, "ts": (start + n * MINUTE).isoformat(), "plan": 2} for n in minutes]
    facts = [{"series": name, "ts": (now - n * MINUTE).isoformat(), "fact": 2} for n in range(10, 70)]
    await post(shared, *rows, *facts)
    asked = {"from": start.isoformat(), "until": (now.replace(minute=0) + 2 * HOUR).isoformat(), "series": name}
    found = (await get(shared, **asked, format="json")).json()
    due = (datetime.fromisoformat(found["due_until"]) - start) / MINUTE
    assert found["plan"] == 2 * due
    assert found["fact"] == 120
    assert found["ahead"] == 120 - 2 * due
    assert found["target"] == 2 * len(minutes)
    assert found["forecast"] == pytest.approx(2 * len(minutes) * 120 / (2 * due))
    assert datetime.fromisoformat(found["newest_fact"]) == now - 9 * MINUTE
    running = found["rows"][2]
    assert running["due"] == 2 * (due - 120) if due > 120 else running["due"] is None
    assert [row["fact"] is None for row in found["rows"][3:]] == [True]


async def test_each_series_by_itself(shared: Running) -> None:
    await post(
        shared,
        {"series": "split a", "ts": at(4, 6), "plan": 5, "fact": 5},
        {"series": "split b", "ts": at(4, 7), "plan": 5, "fact": 1},
        {"series": "split b", "ts": at(4, 7, 30), "note": "stop"},
    )
    asked = {"from": at(4, 6), "until": at(4, 8), "series": ["split a", "split b"], "split": "series"}
    found = (await get(shared, **asked, format="json")).json()
    assert [(one["series"], one["ahead"], len(one["rows"])) for one in found["sections"]] == [
        ("split a", 0, 2),
        ("split b", -4, 2),
    ]
    assert [[len(row["notes"]) for row in one["rows"]] for one in found["sections"]] == [[0, 0], [0, 1]]
    table = (await get(shared, **asked, format="csv")).text.splitlines()
    assert table[0] == (
        "from,until,series,plan,due,fact,difference,plan_total,fact_total,ahead,attained,needed_an_hour,notes"
    )
    assert table[4] == "2026-03-04T07:00:00Z,2026-03-04T08:00:00Z,split b,5.0,5.0,1.0,-4.0,5.0,1.0,-4.0,20.0,,stop"


async def test_the_drawing_of_a_series_that_began_later_keeps_to_its_hours(shared: Running) -> None:
    """Its facts are drawn in the hours in which they came, below those of its plan."""
    await post(
        shared,
        {"series": "early bird", "ts": at(6, 6), "plan": 100, "fact": 100},
        {"series": "late riser", "ts": at(6, 8), "plan": 60, "fact": 40},
        {"series": "late riser", "ts": at(6, 9), "plan": 60, "fact": 40},
    )
    asked = {"from": at(6, 6), "until": at(6, 10), "series": ["early bird", "late riser"], "view": "wall"}
    wall = (await get(shared, HTML, **asked)).text
    tile = wall[wall.index("<bdi>late riser</bdi>") :]
    drawn = {part: re.findall(r"[\d.]+ [\d.]+", tile[tile.index(f'class="{part}"') :].split("/>")[0]) for part in PATHS}
    assert [place.split()[0] for place in drawn["fact"]] == [place.split()[0] for place in drawn["plan"]]
    assert [place.split()[1] for place in drawn["fact"][:3]] == [place.split()[1] for place in drawn["plan"][:3]]
    assert float(drawn["fact"][4].split()[1]) > float(drawn["plan"][4].split()[1])


async def test_a_board_for_a_spreadsheet_has_no_formulas(shared: Running) -> None:
    await post(shared, {"series": "=1+1", "ts": at(5, 6), "plan": 5}, {"series": "=1+1", "ts": at(5, 6), "note": "=2"})
    asked = {"from": at(5, 6), "until": at(5, 7), "series": "=1+1", "split": "series", "format": "csv"}
    table = (await get(shared, **asked, excel="true")).text
    assert ",'=1+1," in table
    assert ",'=2" in table


async def test_the_page_has_the_rows_and_says_where_things_stand(shared: Running) -> None:
    await post(
        shared,
        *({"series": "page", "ts": at(6, 6, n), "plan": 100, "fact": 90} for n in range(60)),
        {"series": "page", "ts": at(6, 6, 31), "note": "<b>belt</b>"},
    )
    asked = {"from": at(6, 6), "until": at(6, 8), "series": "page", "tz": "UTC", "unit": "pcs", "labels": "Soll,Ist"}
    text = (await get(shared, HTML, **asked)).text
    assert "600 pcs behind" in text
    assert "1 h 00 min" not in text
    assert "6 min" in text
    assert '<th scope="col" class="num">Soll</th>' in text
    assert "06:31</time> <bdi>&lt;b&gt;belt&lt;/b&gt;</bdi>" in text
    wall = (await get(shared, HTML, **asked, view="wall")).text
    assert '<section class="bad"><h2><bdi>page</bdi></h2>' in wall
    assert "−600" in wall
    near = (await get(shared, HTML, **asked, view="wall", threshold="10%")).text
    assert '<section class="near"><h2><bdi>page</bdi></h2>' in near


async def test_a_series_without_facts_is_grey_and_dated(shared: Running) -> None:
    now = datetime.now(UTC)
    rows = [{"series": "still", "ts": (now - n * MINUTE).isoformat(), "plan": 1} for n in range(60)]
    await post(shared, *rows, {"series": "still", "ts": (now - 20 * MINUTE).isoformat(), "fact": 100})
    asked = {"from": "-1h", "until": "+1h", "series": "still", "tz": "UTC", "view": "wall", "step": "15m"}
    text = (await get(shared, HTML, **asked)).text
    assert '<section class="still"><h2><bdi>still</bdi></h2>' in text
    assert f"no fact since {now - 20 * MINUTE:%H:%M}" in text
    assert '<section class="good"' in (await get(shared, HTML, **asked, stale="1h")).text


def clock(moment: datetime) -> str:
    return f"{moment:%H:%M}"


async def test_a_break_is_no_standstill(engine: Engine, schema: str) -> None:
    """Neither is what comes before a shift begins, nor its first minutes while nobody can have made anything."""
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    begun, until = now - 50 * MINUTE, now + 50 * MINUTE
    rows = [
        {"ts": (now - n * MINUTE).isoformat(), "plan": 1, "fact": 1, "series": name}
        for name, last in (("made", 20), ("still", 30))
        for n in range(last, 50)
    ]
    wall = {"view": "wall", "tz": "UTC", "step": "15m"}
    a_break = f"break {clock(now - 19 * MINUTE)}-{clock(now + 20 * MINUTE)}"
    async with running(settings_for(engine, schema, shifts=f"long {clock(begun)}-{clock(until)} {a_break}")) as service:
        await post(service, *rows)
        text = (await get(service, HTML, **wall)).text
        assert '<section class="good"><h2><bdi>made</bdi></h2>' in text
        assert '<section class="still"><h2><bdi>still</bdi></h2>' in text
        together = (await get(service, HTML, **wall, split="none")).text
        assert '<section class="good"' in together
    # the next shift has just begun; facts came until it did
    before = f"early {clock(begun)}-{clock(now - 19 * MINUTE)}; late {clock(now - 2 * MINUTE)}-{clock(until)}"
    async with running(settings_for(engine, schema, shifts=before)) as service:
        await post(service, {"ts": (now - 2 * MINUTE).isoformat(), "plan": 1, "series": "made"})
        for split in ("series", "none"):
            text = (await get(service, HTML, **wall, split=split)).text
            assert '<section class="bad"' in text
            assert '<section class="still"' not in text


async def test_in_a_break_nothing_can_be_made(engine: Engine, schema: str) -> None:
    """What is needed an hour, and in how many minutes so much is planned as the fact is behind, are of the time without
    breaks, as on the live page."""
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    begun, until = now - 60 * MINUTE, now + 60 * MINUTE
    rests = [(now - 40 * MINUTE, now - 20 * MINUTE), (now + 20 * MINUTE, now + 50 * MINUTE)]

    def minutes(start: datetime, end: datetime) -> int:
        """Without breaks."""
        every = (start + n * MINUTE for n in range(int((end - start) / MINUTE)))
        return sum(not any(first <= one < last for first, last in rests) for one in every)

    breaks = " ".join(f"break {clock(first)}-{clock(last)}" for first, last in rests)
    async with running(settings_for(engine, schema, shifts=f"long {clock(begun)}-{clock(until)} {breaks}")) as service:
        await post(service, {"series": "made", "ts": begun.isoformat(), "for": "2h", "plan": 70})
        found = (await get(service, tz="UTC", step="30m", format="json")).json()
        passed = minutes(begun, datetime.fromisoformat(found["due_until"]))
        assert found["plan"] == pytest.approx(passed)
        assert found["minutes_ahead"] == pytest.approx(-passed)
        assert found["needed_an_hour"] == pytest.approx(70 / ((70 - passed) / 60))
        over = [row for row in found["rows"] if row["until"] <= found["due_until"]]
        assert [row["needed_an_hour"] for row in over] == pytest.approx(
            [70 / ((70 - minutes(begun, datetime.fromisoformat(row["until"]))) / 60) for row in over]
        )


async def test_a_night_shift_is_not_cut_at_midnight(engine: Engine, schema: str) -> None:
    """Neither where it is named as a shift nor where only its beginning is."""
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    begun, until = hour - 15 * HOUR, hour - HOUR
    shifts = f"night {clock(begun)}-{clock(until)}"
    async with running(settings_for(engine, schema, shifts=shifts)) as service:
        for asked in ({}, {"shift": "night"}, {"from": "last-shift"}, {"from": "shift"}):
            found = (await get(service, tz="UTC", format="json", **asked)).json()
            assert (found["from"], found["until"]) == tuple(f"{one:%Y-%m-%dT%H:%M:%SZ}" for one in (begun, until))
            assert "Night shift" in (await get(service, HTML, tz="UTC", **asked)).text
            check = await service.http.get("/check", params={"behind": "1", "tz": "UTC", **asked})
            assert check.json()["until"] == found["until"]
    async with running(settings_for(engine, schema)) as service:
        found = (await get(service, tz="Europe/Berlin", format="json", **{"from": "2026-03-29T01:00"})).json()
        assert (found["from"], found["until"]) == ("2026-03-29T00:00:00Z", "2026-03-29T22:00:00Z")


async def test_series_beyond_those_with_a_tile_are_not_still(fresh: Running) -> None:
    now = datetime.now(UTC)
    rows = [{"ts": now.isoformat(), "plan": 1, "fact": 1, "series": f"line {n:03}"} for n in range(102)]
    rows += [{**row, "ts": (now - n * MINUTE).isoformat()} for row in rows for n in (1, 2)]
    await post(fresh, *rows)
    text = (await get(fresh, HTML, view="wall", **{"from": "-1h", "until": "+1h"})).text
    assert '<section class="good"><h2><bdi>3 others</bdi></h2>' in text


async def test_by_default_a_board_is_of_today_without_empty_hours(fresh: Running) -> None:
    now = datetime.now(UTC)
    await post(fresh, {"ts": now.isoformat(), "plan": 3, "fact": 3})
    found = (await get(fresh, tz="UTC", format="json")).json()
    assert found["from"] == f"{now:%Y-%m-%d}T00:00:00Z"
    assert [row["from"] for row in found["rows"]] == [f"{now:%Y-%m-%dT%H}:00:00Z"]


async def test_an_empty_board(fresh: Running) -> None:
    found = (await get(fresh, format="json")).json()
    assert (found["rows"], found["target"], found["ahead"]) == ([], None, None)
    assert "There is no plan and no fact in this period yet." in (await get(fresh, HTML)).text
    assert "no readings in this period" in (await get(fresh, HTML, view="wall")).text
    assert (await get(fresh, split="series", format="json")).json()["sections"] == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("step=1d", "step"),
        ("view=floor", "view"),
        ("from=never", "from"),
        ("from=2026-01-01&until=2026-12-31", "from"),
        ("stale=5", "stale"),
        ("stale=soon", "stale"),
        ("theme=print", "theme"),
        ("split=yes", "split"),
        ("agg=avg", "agg"),
        ("tz=Mars", "tz"),
        ("excel=true", "excel"),
    ],
)
async def test_parameters_are_read_strictly(shared: Running, query: str, field: str) -> None:
    answer = await shared.http.get(f"/board?format=json&{query}")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == field


async def test_a_mistake_is_said_beside_its_field(shared: Running) -> None:
    answer = await shared.http.get("/board", params={"from": "never"}, headers=HTML)
    assert answer.status_code == 400
    assert '<p class="fault" id="from-fault" role="alert">' in answer.text
    assert "&#39;never&#39; isn&#39;t a time" in answer.text
