"""A batch is written exactly once, even if it is sent again, by another transport, to another replica, or after a
COMMIT whose answer was lost."""

import asyncio
import csv
import gzip
import io
import json
from typing import Any

import msgspec
import pytest
from websockets.asyncio.client import connect

from tests.conftest import Engine, settings_for
from tests.faults import behind_proxy, lose_commits, numbers
from tests.harness import Running, ask, running

pytestmark = pytest.mark.anyio

READINGS: list[dict[str, Any]] = [
    {"ts": "2026-01-31T14:05:00.123456Z", "series": "Ж", "plan": 1, "fact": 2.5},
    {"ts": "2026-01-31T15:05:00+01:00", "series": "b", "plan": -3, "note": {"b": [1, None], "a": "x"}},
    {"plan": 7, "fact": 8},
]


async def post(service: Running, key: str, body: bytes, **headers: str) -> dict[str, Any]:
    given = {"content_type": "application/json", **headers}
    names = {name.replace("_", "-").encode(): value.encode() for name, value in given.items()}
    answer = await service.http.post("/readings", content=body, headers={b"Idempotency-Key": key.encode(), **names})
    said: dict[str, Any] = answer.json()
    return said


def as_csv(readings: list[dict[str, Any]]) -> bytes:
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(("fact", "attributes", "plan", "ts", "series"))
    for one in readings:
        note = json.dumps({"note": one["note"]}) if "note" in one else ""
        table.writerow((one.get("fact", ""), note, one["plan"], one.get("ts", ""), one.get("series", "")))
    return text.getvalue().encode()


async def send_every_way(service: Running, key: str, readings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Send the same batch over each transport and in each format."""
    ndjson = "\n".join(json.dumps(one) for one in readings).encode()
    envelope = {"id": key, "readings": readings}
    async with connect(service.ws) as socket:
        answers = [await ask(socket, envelope)]
        await socket.send(msgspec.msgpack.encode(envelope))
        answers.append(json.loads(await socket.recv()))
    json_type, line_type = "application/json", "application/x-ndjson"
    return [
        *answers,
        await post(service, key, json.dumps(readings).encode(), content_type=json_type),
        await post(service, key, json.dumps(envelope).encode(), content_type=json_type),
        await post(service, key, ndjson, content_type=line_type),
        await post(service, key, gzip.compress(ndjson), content_type=line_type, content_encoding="gzip"),
        await post(service, key, as_csv(readings), content_type="text/csv"),
    ]


@pytest.mark.parametrize("letters", ["", "Werk Köln 😀", "Ж" * 168])
async def test_the_same_content_is_the_same_batch_by_every_transport_and_format(
    shared: Running, name: str, letters: str
) -> None:
    key = name + letters
    first, *others = await send_every_way(shared, key, READINGS)
    assert first == {"ack": key, "written": 3}
    assert [one["duplicate"] for one in others] == [True] * 6


async def test_other_content_is_refused_by_every_transport_and_format(shared: Running, name: str) -> None:
    await send_every_way(shared, name, READINGS)
    changed = [READINGS[0], {**READINGS[1], "note": {"b": [1, 0], "a": "x"}}, READINGS[2]]
    answers = await send_every_way(shared, name, changed)
    assert [one["error"]["status"] for one in answers[:2]] == [422] * 2
    assert [one["status"] for one in answers[2:]] == [422] * 5


async def test_one_id_in_flight_at_two_replicas_is_committed_once(engine: Engine, schema: str) -> None:
    settings = settings_for(engine, schema)
    async with (
        running(settings) as one,
        running(settings) as other,
        connect(one.ws) as here,
        connect(other.ws) as there,
    ):
        for number in range(25):
            frame = {"id": f"batch {number}", "readings": [{"plan": number}] * 3}
            body = json.dumps(frame["readings"]).encode()
            answers = await asyncio.gather(
                ask(here, frame),
                ask(there, frame),
                post(one, f"batch {number}", body),
                post(other, f"batch {number}", body),
            )
            assert sorted(answer.get("duplicate", False) for answer in answers) == [False, True, True, True], answers
            assert sum(answer.get("written", 0) for answer in answers) == 3
    assert await numbers(engine, schema) == sorted(list(range(25)) * 3)


async def test_two_replicas_with_other_content_under_one_id_write_one_of_them(engine: Engine, schema: str) -> None:
    settings = settings_for(engine, schema)
    async with running(settings) as one, running(settings) as other:
        for number in range(25):
            sent = [json.dumps({"plan": 2 * number + which}).encode() for which in (0, 1)]
            answers = await asyncio.gather(
                *(post(at, f"batch {number}", body) for at, body in zip((one, other), sent, strict=True))
            )
            assert sorted(answer.get("status", 200) for answer in answers) == [200, 422]
    assert sorted(number // 2 for number in await numbers(engine, schema)) == list(range(25))


@pytest.mark.parametrize("before", [True, False], ids=["COMMIT lost", "its answer lost"])
async def test_a_lost_commit_is_not_written_twice(engine: Engine, schema: str, before: bool) -> None:
    """With an id and without, every client gets the true answer once it is known."""
    async with behind_proxy(engine, schema) as (service, between), connect(service.ws) as socket:
        for number in range(3):
            between.tamper = lose_commits(2, before=before)
            await socket.send(json.dumps({"plan": 10 * number}))
            envelope = {"id": f"batch {number}", "readings": [{"plan": 10 * number + 1}] * 2}
            plain = asyncio.ensure_future(service.http.post("/readings", json={"plan": 10 * number + 3}))
            keyed = asyncio.ensure_future(
                post(service, f"key {number}", json.dumps({"plan": 10 * number + 4}).encode())
            )
            assert await ask(socket, envelope) == {"ack": f"batch {number}", "written": 2}
            assert (await plain).json() == {"written": 1, "duplicate": False}
            assert await keyed == {"written": 1, "duplicate": False}
            assert await ask(socket, envelope) == {"ack": f"batch {number}", "duplicate": True}
        metrics = (await service.http.get("/metrics")).text
    assert await numbers(engine, schema) == sorted(
        10 * number + each for number in range(3) for each in (0, 1, 1, 3, 4)
    )
    [failed] = [line for line in metrics.splitlines() if line.startswith("taktline_commit_failures_total ")]
    assert float(failed.split()[1]) >= 6
