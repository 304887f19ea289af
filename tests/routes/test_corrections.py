"""Corrections over HTTP: what is asked for, what is answered, and who may."""

import asyncio
import gzip
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from service.access.grants import Scope
from tests.conftest import Engine, dropped_schema, settings_for
from tests.harness import Running, counted, running, stored
from tests.keyrings import add_key, bearer

pytestmark = pytest.mark.anyio

START = int(time.time()) // 60 * 60 - 7200
"""The beginning of the hour that is corrected here."""


def asked(name: str, **more: object) -> dict[str, Any]:
    return {"series": name, "from": START, "until": START + 3600, **more}


async def fill(service: Running, name: str, count: int = 3) -> None:
    body = [{"ts": START + 60 * each, "series": name, "plan": 10, "fact": each} for each in range(count)]
    assert (await service.http.post("/readings", json=body)).status_code == 200


async def put(service: Running, name: str, body: object, **more: Any) -> httpx.Response:
    headers = {"Content-Type": "application/json", **more.pop("headers", {})}
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await service.http.put("/readings", params=asked(name, **more), content=content, headers=headers)


async def values(service: Running, name: str) -> list[tuple[float | None, float | None]]:
    answer = await service.http.get("/readings", params={"series": name})
    return [(row.get("plan"), row.get("fact")) for row in map(json.loads, answer.text.splitlines())]


async def plan_of(service: Running, name: str) -> float | None:
    """The plan of the hour as its chart has it, in one bucket."""
    answer = await service.http.get("/chart", params=asked(name, format="json", step="1d"))
    plans = [bucket["plan"] for bucket in answer.json()["buckets"]]
    return None if not plans else sum(plans)


async def test_others_come_in_their_place(shared: Running, name: str) -> None:
    await fill(shared, name)
    answer = await put(shared, name, [{"ts": START + 5, "plan": 7, "fact": 8}])
    assert answer.json() == {"removed": 3, "changed": 0, "written": 1, "duplicate": False}
    assert await values(shared, name) == [(7, 8)]
    assert await plan_of(shared, name) == 7
    answer = await shared.http.get("/display", params={"series": name})
    assert answer.json()["total"] == 1


async def test_notes_go_and_come_with_the_others(shared: Running, name: str) -> None:
    async def notes() -> list[str]:
        answer = await shared.http.get("/chart", params=asked(name, format="json"))
        return [one["note"] for one in answer.json()["notes"]]

    await shared.http.post("/readings", json={"ts": START + 30, "series": name, "note": "film torn"})
    assert await notes() == ["film torn"]
    assert (
        await put(shared, name, [{"ts": START + 30, "note": "belt"}, {"ts": START + 9, "fact": 1}])
    ).status_code == 200
    assert await notes() == ["belt"]
    await put(shared, name, [{"ts": START + 90, "note": "no boxes"}])
    assert await notes() == ["no boxes"]
    await shared.http.request("DELETE", "/readings", params=asked(name))
    assert await notes() == []


async def test_a_plan_is_revised_and_facts_stay(shared: Running, name: str) -> None:
    await fill(shared, name)
    await shared.http.post("/readings", json={"ts": START + 1, "series": name, "plan": 5})
    answer = await put(shared, name, {"ts": START, "plan": 120, "for": "1h"}, field="plan")
    assert answer.json() == {"removed": 1, "changed": 3, "written": 1, "duplicate": False}
    found = await values(shared, name)
    assert sorted(fact for _, fact in found if fact is not None) == [0, 1, 2]
    assert sum(plan for plan, _ in found if plan is not None) == 120
    assert await plan_of(shared, name) == 120


async def test_what_is_taken_away_is_nowhere(shared: Running, name: str) -> None:
    await fill(shared, name)
    answer = await shared.http.request("DELETE", "/readings", params=asked(name, field="fact"))
    assert answer.json() == {"removed": 0, "changed": 3, "written": 0, "duplicate": False}
    answer = await shared.http.request("DELETE", "/readings", params=asked(name))
    assert answer.json() == {"removed": 3, "changed": 0, "written": 0, "duplicate": False}
    assert await values(shared, name) == []
    assert await plan_of(shared, name) is None


@pytest.mark.parametrize(
    ("media_type", "body"),
    [
        ("application/json", b'[{"ts":%d,"plan":1},{"ts":%d,"plan":2,"note":"x"}]' % (START, START + 1)),
        ("application/x-ndjson", b'{"ts":%d,"plan":1}\n{"ts":%d,"plan":2}\n' % (START, START + 1)),
        ("text/csv", b"ts,plan\n%d,1\n%d,2\n" % (START, START + 1)),
        ("application/json", b"[" + b",".join(b'{"ts":%d,"plan":0}' % START for _ in range(3000)) + b"]"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
async def test_all_formats(shared: Running, name: str, media_type: str, body: bytes, packed: bool) -> None:
    headers = {"Content-Type": media_type, **({"Content-Encoding": "gzip"} if packed else {})}
    answer = await put(shared, name, gzip.compress(body) if packed else body, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.json()["written"] == len(await values(shared, name))


@pytest.mark.parametrize(
    ("field", "item", "fault"),
    [
        (None, {"plan": 1}, "ts"),
        (None, {"ts": START - 1, "plan": 1}, "ts"),
        (None, {"ts": START + 3600, "plan": 1}, "ts"),
        (None, {"ts": START + 3000, "plan": 1, "for": "11m"}, "for"),
        (None, {"ts": START, "plan": 1, "series": "another"}, "series"),
        ("plan", {"ts": START, "fact": 1}, "plan"),
        ("plan", {"ts": START, "plan": 1, "fact": 1}, "fact"),
        ("plan", {"ts": START, "plan": 1, "who": "x"}, "attributes"),
        ("fact", {"ts": START, "plan": 1, "fact": 2}, "plan"),
    ],
)
async def test_what_does_not_belong_there_is_refused(
    shared: Running, name: str, field: str | None, item: dict[str, Any], fault: str
) -> None:
    await fill(shared, name)
    good = {"ts": START, "fact" if field == "fact" else "plan": 1}
    before = await counted(shared, "/readings", "invalid")
    answer = await put(shared, name, [good, item], **({} if field is None else {"field": field}))
    assert answer.status_code == 422, answer.text
    [error] = answer.json()["errors"]
    assert (error["index"], error["field"]) == (1, fault)
    assert await counted(shared, "/readings", "invalid") == before + 1
    assert len(await stored(shared, name, 3)) == 3


@pytest.mark.parametrize(
    ("parameters", "fault"),
    [
        ({"from": START, "until": START + 1}, "series"),
        ({"series": "", "from": START, "until": START + 1}, "series"),
        ({"series": "s", "until": START + 1}, "from"),
        ({"series": "s", "from": START}, "until"),
        ({"series": "s", "from": START, "until": START}, "from"),
        ({"series": "s", "from": "2024-01-01", "until": "2026-01-01"}, "until"),
        ({"series": "s", "from": "nonsense", "until": START}, "from"),
        ({"series": "s", "from": START, "until": START + 1, "field": "note"}, "field"),
        ({"series": "s", "from": START, "until": START + 1, "shift": "x"}, "shift"),
    ],
)
async def test_the_range_is_needed(shared: Running, parameters: dict[str, Any], fault: str) -> None:
    for method in ("PUT", "DELETE"):
        answer = await shared.http.request(method, "/readings", params=parameters)
        assert answer.status_code == 400, answer.text
        assert answer.json()["errors"][0]["field"] == fault


async def test_several_series_each_named(shared: Running, name: str) -> None:
    names = [f"{name} {each}" for each in "ab"]
    for each in names:
        await fill(shared, each)
    body = [{"ts": START, "series": names[0], "plan": 1}]
    parameters: dict[str, Any] = {"series": names, "from": START, "until": START + 3600}
    answer = await shared.http.put("/readings", params=parameters, json=body)
    assert (answer.json()["removed"], answer.json()["written"]) == (6, 1)
    answer = await shared.http.put("/readings", params=parameters, json=[{"ts": START, "plan": 1}])
    assert answer.json()["errors"][0]["field"] == "series"


async def test_an_id_makes_a_retry_harmless(shared: Running, name: str) -> None:
    await fill(shared, name)
    key = {"Idempotency-Key": name}
    body = [{"ts": START, "plan": 1}]
    answers = await asyncio.gather(*(put(shared, name, body, headers=key) for _ in range(4)))
    assert sorted(answer.json()["duplicate"] for answer in answers) == [False, True, True, True]
    for more in ({"field": "plan"}, {"until": START + 1800}):
        answer = await put(shared, name, body, headers=key, **more)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "id")
    answer = await shared.http.request("DELETE", "/readings", params=asked(name), headers=key)
    assert answer.status_code == 422
    answer = await shared.http.post("/readings", json=body, headers=key)
    assert answer.status_code == 422


async def test_of_two_who_correct_at_once_the_second_is_told(shared: Running, name: str) -> None:
    await fill(shared, name)
    seen = await shared.http.get("/corrections", params=asked(name))
    tag = {"If-Match": seen.headers["etag"]}
    assert seen.json() == {"items": [], "before": None}
    bodies = [[{"ts": START, "plan": number}] for number in range(3)]
    answers = await asyncio.gather(*(put(shared, name, body, headers=tag) for body in bodies))
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412]
    assert await counted(shared, "/readings", "changed") >= 2
    [after] = [answer.headers["etag"] for answer in answers if answer.status_code == 200]
    seen = await shared.http.get("/corrections", params=asked(name))
    assert seen.headers["etag"] == after
    answer = await shared.http.request("DELETE", "/readings", params=asked(name), headers={"If-Match": f'"x", {after}'})
    assert answer.json()["removed"] == 1


async def test_corrections_are_listed(shared: Running, name: str) -> None:
    await fill(shared, name)
    for number in range(3):
        await put(
            shared, name, [{"ts": START, "plan": number}], field="plan", headers={"Idempotency-Key": f"{name}{number}"}
        )
    answer = await shared.http.get("/corrections", params={"series": name, "limit": 2})
    made = answer.json()
    assert [one["batch"] for one in made["items"]] == [f"{name}2", f"{name}1"]
    assert made["items"][0] | {"id": 0, "at": ""} == {
        "id": 0,
        "at": "",
        "by": "anonymous",
        "series": [name],
        "from": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(START)),
        "until": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(START + 3600)),
        "field": "plan",
        "removed": 1,
        "changed": 0,
        "written": 1,
        "batch": f"{name}2",
    }
    answer = await shared.http.get("/corrections", params={"series": name, "before": made["before"]})
    assert [one["batch"] for one in answer.json()["items"]] == [f"{name}0"]
    assert answer.json()["before"] is None
    answer = await shared.http.get("/corrections", params={"series": name, "format": "csv", "until": START})
    assert answer.text == "id,at,by,series,from,until,field,removed,changed,written,batch\r\n"
    answer = await shared.http.get("/corrections", params={"series": name, "format": "csv"})
    assert len(answer.text.splitlines()) == 4


@pytest.fixture(scope="module")
async def closed(engine: Engine) -> AsyncIterator[Running]:
    """A service with keys."""
    async with dropped_schema(engine) as schema, running(settings_for(engine, schema)) as service:
        await add_key(service, "admin", Scope.ADMIN, key="tk_admin")
        await add_key(service, "corrector", Scope.CORRECT, series=("hall 1/*",), key="tk_corrector")
        await add_key(service, "writer", Scope.WRITE, key="tk_writer")
        await add_key(service, "reader", Scope.READ, series=("hall 1/*",), key="tk_reader")
        service.http.headers.update(bearer("tk_admin"))
        yield service


async def test_who_may(closed: Running, name: str) -> None:
    ours, theirs = f"hall 1/{name}", f"hall 2/{name}"
    body = [{"ts": START, "plan": 1}]
    for key, status in (("tk_wrong", 401), ("tk_writer", 403), ("tk_reader", 403), ("tk_corrector", 200)):
        assert (await put(closed, ours, body, headers=bearer(key))).status_code == status
        answer = await closed.http.request("DELETE", "/readings", params=asked(ours), headers=bearer(key))
        assert answer.status_code == status
    assert (await put(closed, theirs, body, headers=bearer("tk_corrector"))).status_code == 403
    assert (await put(closed, theirs, body)).status_code == 200
    assert (await closed.http.get("/corrections", headers=bearer("tk_corrector"))).status_code == 403
    both: dict[str, Any] = {"series": [ours, theirs], "from": START, "until": START + 1}
    assert (await closed.http.request("DELETE", "/readings", params=both)).status_code == 200
    seen = (await closed.http.get("/corrections", headers=bearer("tk_reader"))).json()["items"]
    assert [(one["by"], one["series"]) for one in seen] == [("corrector", [ours])] * 2
    assert len((await closed.http.get("/corrections")).json()["items"]) == 4
    answer = await closed.http.get("/corrections", params={"series": theirs}, headers=bearer("tk_reader"))
    assert answer.status_code == 403


async def test_pages_of_other_sites_may_not(shared: Running, name: str) -> None:
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert (await put(shared, name, [], headers=headers)).status_code == 403
        answer = await shared.http.request("DELETE", "/readings", params=asked(name), headers=headers)
        assert answer.status_code == 403


async def test_what_comes_counts_for_the_rate(engine: Engine, schema: str, name: str) -> None:
    async with running(settings_for(engine, schema, ingest_rate=10)) as service:
        body = [{"ts": START, "plan": 1}] * 100
        assert (await put(service, name, body)).status_code == 200
        answer = await put(service, name, body)
        assert (answer.status_code, "retry-after" in answer.headers) == (429, True)
        assert (await service.http.request("DELETE", "/readings", params=asked(name))).status_code == 429


async def test_producers_are_not_held_up(fresh: Running, name: str) -> None:
    """While one corrects over and over, another one's readings are all there, each once."""
    await fill(fresh, name, 50)
    done = asyncio.Event()

    async def correct() -> None:
        number = 0
        while not done.is_set():
            number += 1
            body = [{"ts": START + each, "plan": number} for each in range(50)]
            assert (await put(fresh, name, body)).status_code == 200

    async def send() -> None:
        for each in range(100):
            answer = await fresh.http.post("/readings", json={"ts": START + 3600 + each, "series": name, "fact": 1})
            assert answer.status_code == 200
        done.set()

    await asyncio.gather(correct(), send())
    found = await values(fresh, name)
    assert sum(fact or 0 for _, fact in found) == 100
    plans = [plan for plan, _ in found if plan is not None]
    assert len(plans) == 50
    assert len(set(plans)) == 1
