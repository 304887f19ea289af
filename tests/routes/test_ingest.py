"""Readings over HTTP."""

import asyncio
import time

import pytest

from tests.conftest import Engine
from tests.harness import Running, stored

pytestmark = pytest.mark.anyio


async def test_a_reading_and_an_array(shared: Running, name: str) -> None:
    answer = await shared.http.post("/readings", json={"plan": 40, "fact": 38, "series": name})
    assert (answer.status_code, answer.json()) == (200, {"written": 1, "duplicate": False})
    answer = await shared.http.post("/readings", json=[{"plan": 1, "series": name}, {"plan": 2, "series": name}])
    assert answer.json() == {"written": 2, "duplicate": False}
    assert sorted(item["plan"] for item in await stored(shared, name, 3)) == [1, 2, 40]


async def test_an_idempotency_key_makes_a_retry_harmless(shared: Running, name: str) -> None:
    body = [{"plan": 1, "series": name}, {"plan": 2, "series": name}]
    first, *others = await asyncio.gather(
        *(shared.http.post("/readings", json=body, headers={"Idempotency-Key": name}) for _ in range(5))
    )
    answers = [answer.json() for answer in (first, *others)]
    assert sorted(answers, key=str) == [{"written": 0, "duplicate": True}] * 4 + [{"written": 2, "duplicate": False}]
    assert len(await stored(shared, name, 2)) == 2
    other = await shared.http.post("/readings", json=[{"plan": 9}], headers={"Idempotency-Key": name})
    assert other.status_code == 422


async def test_an_idempotency_key_is_utf8(shared: Running) -> None:
    answer = await shared.http.post("/readings", json={}, headers={b"Idempotency-Key": b"K\xf6ln"})
    assert (answer.status_code, answer.json()["detail"]) == (422, "The Idempotency-Key isn't UTF-8.")


async def test_a_batch_is_all_or_nothing(shared: Running, name: str) -> None:
    answer = await shared.http.post("/readings", json=[{"plan": 1, "series": name}, {"plan": "x", "series": name}])
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["errors"] == [{"index": 1, "field": "plan", "detail": "must be a number, not text"}]
    await shared.http.post("/readings", json={"plan": 3, "series": name})
    assert [item["plan"] for item in await stored(shared, name, 1)] == [3]


async def test_a_sent_time_is_kept_and_an_absent_one_is_the_servers(shared: Running, name: str) -> None:
    body = [{"series": name, "plan": 1, "ts": "2026-01-31T15:05:00.25+01:00"}, {"series": name, "plan": 2}]
    await shared.http.post("/readings", json=body)
    answer = await shared.http.get("/chart", params={"series": name, "format": "json"})
    assert [bucket["plan"] for bucket in answer.json()["buckets"]] == [2]
    at = {"series": name, "format": "json", "from": "2026-01-31T14:00:00Z", "until": "2026-01-31T15:00:00Z"}
    answer = await shared.http.get("/chart", params=at)
    assert answer.json()["buckets"] == [{"bucket": "2026-01-31T14:05:00Z", "plan": 1, "fact": None, "readings": 1}]


@pytest.mark.parametrize(
    ("body", "media_type", "status"),
    [
        (b"{", "application/json", 400),
        (b"\xff", "application/json", 400),
        (b"5", "application/json", 422),
        (b"{}", "text/plain", 415),
        (b"{}", "application/xml", 415),
        (b'{"note": "' + b"x" * 17 * 2**20 + b'"}', "application/json", 413),
    ],
)
async def test_refusals_are_problems_with_a_status(shared: Running, body: bytes, media_type: str, status: int) -> None:
    answer = await shared.http.post("/readings", content=body, headers={"Content-Type": media_type})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status
    assert answer.json()["detail"]


@pytest.mark.parametrize(
    ("media_type", "body"),
    [
        ("text/csv", b"series,plan,note\n" + b"nobody,1,x\n" * 90_000 + b"nobody,x,x\n"),
        ("application/json", b"[" + b'{"series":"nobody","note":"x","plan":1},' * 90_000 + b"5]"),
        ("application/json", b"[" + b"{}," * 90_000 + b'{"plan":"x"}]'),
    ],
)
async def test_others_have_their_turn_while_a_large_body_is_parsed(
    shared: Running, media_type: str, body: bytes
) -> None:
    post = asyncio.ensure_future(shared.http.post("/readings", content=body, headers={"Content-Type": media_type}))
    # The process's own time rather than the clock's, since other processes may keep this machine busy.
    clock, turns = time.process_time, []
    while not post.done():
        started = clock()
        await asyncio.sleep(0.005)
        turns.append(clock() - started)
    assert (await post).json()["errors"][0]["index"] == 90_000
    assert max(turns) < sum(turns) / 4


async def test_a_batch_has_so_many_readings(fresh: Running, engine: Engine) -> None:
    most = 100_000 if engine.server.embedded else fresh.parts.settings.queue_readings
    headers = {"Content-Type": "application/x-ndjson"}
    answer = await fresh.http.post("/readings", content=b"{}\n" * (most + 1), headers=headers)
    assert answer.status_code == 413
    assert f"at most {most:,} readings; send them in several" in answer.json()["detail"]
    assert (await fresh.http.post("/readings", content=b"{}\n" * most, headers=headers)).json()["written"] == most


async def test_every_refusal_is_counted(shared: Running) -> None:
    async def counted() -> float:
        text = (await shared.http.get("/metrics")).text
        lines = [line for line in text.splitlines() if line.startswith("taktline_refused_total{")]
        wanted = [line for line in lines if 'where="/readings"' in line and 'reason="invalid"' in line]
        return float(wanted[0].split()[-1]) if wanted else 0

    before = await counted()
    await shared.http.post("/readings", json={"plan": "x"})
    assert await counted() == before + 1
