"""`GET /buckets` as a service over several sites asks it."""

from typing import Any

import httpx
import pytest

from service.access.grants import Scope
from tests.harness import Running
from tests.keyrings import add_key, bearer

pytestmark = pytest.mark.anyio

PAST = {"from": "2026-01-01T10:00Z", "until": "2026-01-01T12:00Z", "step": "1h"}


def at(time: str, series: str, **numbers: Any) -> dict[str, Any]:
    return {"ts": f"2026-01-01T{time}:00Z", "series": series, **numbers}


async def post(service: Running, *readings: dict[str, Any]) -> None:
    assert (await service.http.post("/readings", json=list(readings))).status_code == 200


async def get(service: Running, **params: Any) -> Any:
    answer = await service.http.get("/buckets", params={**PAST, **params})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_the_numbers_are_those_of_the_chart(fresh: Running) -> None:
    await post(fresh, at("10:05", "a", plan=10, fact=7), at("10:06", "b", plan=3), at("11:00", "a", fact=4))
    for agg in ("sum", "min", "max", "last", "increase"):
        chart = await fresh.http.get("/chart", params={**PAST, "agg": agg, "format": "json"})
        [panel] = (await get(fresh, agg=agg))["panels"]
        assert panel == {"name": None, "others": None, "buckets": chart.json()["buckets"], "newest": None}
    assert (await get(fresh))["until"] == "2026-01-01T11:01:00Z"


async def test_averages_come_with_what_they_are_of(fresh: Running) -> None:
    await post(fresh, at("10:05", "a", plan=10, fact=7), at("10:06", "a", plan=4), at("10:07", "b", note="cleaning"))
    for step in ({}, {"step": "1m", "until": "2026-01-01T10:06Z"}):
        found = await get(fresh, agg="avg", **step)
        [bucket] = found["panels"][0]["buckets"]
        assert (bucket["plan"], bucket["plan_count"]) == ((10, 1) if step else (7, 2))
        assert (bucket["fact"], bucket["fact_count"]) == (7, 1)
    assert found["notes"] == []
    assert [note["note"] for note in (await get(fresh))["notes"]] == ["cleaning"]


async def test_averages_of_an_earlier_time_come_with_their_counts(fresh: Running) -> None:
    await post(fresh, at("10:05", "a", fact=7), at("10:06", "a", fact=9), at("11:00", "a", fact=1))
    found = await get(fresh, agg="avg", plan="fact-1h")
    first, second = found["panels"][0]["buckets"]
    assert (first["plan"], first["plan_count"], first["fact_count"]) == (None, 0, 2)
    assert (second["plan"], second["plan_count"], second["fact_count"]) == (8, 2, 1)


async def test_what_totals_count_before_the_period_is_a_bucket(fresh: Running) -> None:
    await post(fresh, at("06:00", "a", plan=5, fact=2), at("10:00", "a", plan=1, fact=1), at("11:30", "a", plan=8))
    totals = "2026-01-01T06:00Z,2026-01-01T11:00Z"
    opening, first, second = (await get(fresh, totals=totals, due="2026-01-01T11:00Z"))["panels"][0]["buckets"]
    assert opening["bucket"] == "2026-01-01T06:00:00Z"
    assert (opening["due_plan"], opening["due_fact"]) == (5, 2)
    assert (first["plan_total"], first["fact_total"], first["ahead"]) == (6, 3, -3)
    assert (second["plan_total"], second["due_plan"], second["ahead"]) == (8, None, None)


async def test_each_series_by_itself(fresh: Running) -> None:
    await post(fresh, *(at("10:00", name, fact=1) for name in "aabc"))
    panels = (await get(fresh, panels=2))["panels"]
    assert [(panel["name"], panel["others"]) for panel in panels] == [("a", None), (None, 2)]


async def test_the_newest_fact_of_each_panel(fresh: Running) -> None:
    await post(
        fresh, *(at("10:00", name, fact=1) for name in "aabc"), at("11:10", "b", fact=1), at("11:20", "a", plan=1)
    )
    asked = {"facts": "2026-01-01T09:00Z,2026-01-01T11:30Z", "panels": 2}
    await post(fresh, at("09:30", "d", fact=1), at("11:40", "c", fact=1))
    first, others = (await get(fresh, **asked))["panels"]
    assert (first["newest"], others["newest"]) == ("2026-01-01T10:01:00Z", "2026-01-01T11:11:00Z")
    [together] = (await get(fresh, facts="2026-01-01T09:00Z,2026-01-01T09:30Z"))["panels"]
    assert together["newest"] is None


async def test_what_is_known_already_is_not_sent_again(fresh: Running) -> None:
    await post(fresh, at("10:00", "a", fact=1))
    first = await fresh.http.get("/buckets", params=PAST)
    known = {"If-None-Match": first.headers["etag"]}
    assert (await fresh.http.get("/buckets", params=PAST, headers=known)).status_code == 304
    await post(fresh, at("20:00", "a", fact=1))
    assert (await fresh.http.get("/buckets", params=PAST, headers=known)).status_code == 304
    await post(fresh, at("10:30", "a", fact=1))
    assert (await fresh.http.get("/buckets", params=PAST, headers=known)).status_code == 200


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"from": None}, "from"),
        ({"until": None}, "until"),
        ({"step": "2m"}, "step"),
        ({"step": "1m", "until": "2026-02-01T00:00Z"}, "step"),
        ({"panels": 101}, "panels"),
        ({"totals": "period"}, "due"),
        ({"due": "2026-01-01T11:00Z"}, "totals"),
        ({"totals": "period", "due": "2026-01-01T11:00Z", "agg": "max"}, "totals"),
        ({"totals": "2025-12-01T00:00Z", "due": "2026-01-01T11:00Z"}, "totals"),
        ({"totals": "2026-01-01T10:00Z,2026-01-01T10:00Z", "due": "2026-01-01T11:00Z"}, "totals"),
        ({"facts": "2026-01-01T10:00Z"}, "facts"),
        ({"facts": "2026-01-01T10:00Z,2026-01-01T10:00Z"}, "facts"),
        ({"facts": "2026-01-01T10:00Z,2026-01-01T10:00:30Z"}, "facts"),
        ({"facts": "2025-01-01T10:00Z,2026-01-01T10:00Z"}, "facts"),
        ({"totals": "2026-01-01T10:00:30Z", "due": "2026-01-01T11:00Z"}, "totals"),
    ],
)
async def test_wrong_questions(shared: Running, params: dict[str, Any], field: str) -> None:
    asked = {name: value for name, value in {**PAST, **params}.items() if value is not None}
    answer: httpx.Response = await shared.http.get("/buckets", params=asked)
    assert answer.status_code == 400
    assert [fault["field"] for fault in answer.json()["errors"]] == [field]


async def test_a_key_sees_its_series_alone(fresh: Running) -> None:
    await post(fresh, at("10:00", "line 1", fact=1), at("10:00", "office", fact=10))
    key = await add_key(fresh, "lines", Scope.READ, series=("line *",))
    answer = await fresh.http.get("/buckets", params=PAST, headers=bearer(key))
    assert [bucket["fact"] for bucket in answer.json()["panels"][0]["buckets"]] == [1]
    assert (await fresh.http.get("/buckets", params=PAST)).status_code == 401
    refused = await fresh.http.get("/buckets", params={**PAST, "series": "office"}, headers=bearer(key))
    assert refused.status_code == 403
