"""The interface of the producer."""

import asyncio
import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from emitter.producer import (
    BadReading,
    Link,
    Producer,
    Reading,
    Rejected,
    SpoolFull,
    SpoolInUse,
    Undelivered,
    Unreachable,
    make_batch,
)
from tests.desk import Desk, make_batches, refuse

pytestmark = pytest.mark.anyio

NOWHERE = "ws://127.0.0.1:9/"


async def mute(desk: Desk, socket: ServerConnection, frame: dict[str, Any]) -> None:
    """Answer nothing."""


async def test_a_reading_is_of_now_and_a_batch_of_its_own() -> None:
    async with Desk().open() as desk:
        async with Producer(desk.url.replace("ws:", "http:")) as producer:
            await producer.send(series="a", plan=40, fact=38.5, attributes={"operator": "Eva"})
            await producer.send()
        [[first], [second]] = desk.committed.values()
    moment = datetime.fromisoformat(first.pop("ts"))
    assert timedelta() <= datetime.now(UTC) - moment < timedelta(seconds=10)
    assert first == {"series": "a", "plan": 40, "fact": 38.5, "operator": "Eva"}
    assert second.keys() == {"ts", "series"}
    assert producer.tally.written == 2


async def test_what_nobody_acknowledged_is_sent_by_the_next_one_under_the_same_id(tmp_path: Path) -> None:
    spool = tmp_path / "spool.sqlite"
    async with Desk(mute).open() as desk:
        async with Producer(desk.url, spool=str(spool), grace=0.2) as producer:
            await producer.send(fact=1)
        assert producer.waiting == 1
        first = list(desk.frames)
        desk.script = Desk.accept
        async with Producer(desk.url, spool=spool) as producer:
            pass
    assert producer.waiting == 0
    assert desk.frames == first * 2


async def test_what_only_memory_keeps_is_not_given_up_in_silence() -> None:
    with pytest.raises(
        Undelivered, match=r"Not acknowledged within 0\.1 s, and kept in memory only: 3 of the readings"
    ):
        async with Producer(NOWHERE, grace=0.1) as producer:
            for batch in make_batches(3):
                await producer.send_batch(batch)


async def test_nothing_is_sent_after_an_error_in_the_block(tmp_path: Path) -> None:
    async with asyncio.timeout(5):
        with pytest.raises(ZeroDivisionError):
            async with Producer(NOWHERE, grace=60) as producer:
                await producer.send(fact=1)
                _ = 1 / 0


async def test_a_producer_that_is_not_wanted_ends_the_block(tmp_path: Path) -> None:
    spool = tmp_path / "spool.sqlite"
    async with Desk().open() as desk, asyncio.timeout(5):
        desk.handshakes = [(426, {}, b"")]
        with pytest.raises(Rejected, match="HTTP 426"):
            async with Producer(desk.url, token="secret", spool=spool) as producer:
                await producer.send(fact=1)
                await asyncio.Event().wait()
        assert producer.waiting == 1
        async with Producer(desk.url, spool=spool):
            pass
    assert len(desk.committed) == 1


async def test_its_token_is_asked_about() -> None:
    async def expire(desk: Desk, socket: ServerConnection, frame: dict[str, Any]) -> None:
        await socket.send(refuse(401, frame["id"]))

    async with Desk(expire).open() as desk:
        with pytest.raises(Rejected, match=r"401: no\. Is the token right\?"):
            async with Producer(desk.url) as producer:
                await producer.send(fact=1)
    assert producer.waiting == 1


async def test_patience_may_have_an_end() -> None:
    with pytest.raises(Unreachable, match="Connection refused"):
        async with Producer(Link(url=NOWHERE, patience=0.2)) as producer:
            await producer.drained()
            await asyncio.Event().wait()


async def test_what_cannot_wait_is_refused_where_there_is_no_room() -> None:
    first, second = make_batches(2, size=900)
    async with Desk(mute).open() as desk:
        with pytest.raises(SpoolFull):
            async with Producer(desk.url, max_bytes=1000) as producer:
                producer.offer_batch(first)
                producer.offer_batch(second)


async def test_two_producers_cannot_share_a_file(tmp_path: Path) -> None:
    async with Producer(NOWHERE, spool=tmp_path / "spool.sqlite"):
        with pytest.raises(SpoolInUse):
            async with Producer(NOWHERE, spool=tmp_path / "spool.sqlite"):
                pass


async def test_an_address_that_cannot_be_one_is_named() -> None:
    with pytest.raises(ValueError, match="'localhost:8080' isn't the address of a service"):
        Producer("localhost:8080")


async def test_readings_that_are_made_again_are_written_once() -> None:
    readings = [Reading(ts=datetime(2026, 1, 1, tzinfo=UTC), series="a", fact=number) for number in range(3)]
    async with Desk().open() as desk:
        for _ in range(2):
            async with Producer(desk.url) as producer:
                await producer.send_batch(make_batch(readings, "1 January"))
    assert len(desk.committed["1 January"]) == producer.tally.duplicates == 3


async def test_what_is_refused_is_told() -> None:
    async def judge(desk: Desk, socket: ServerConnection, frame: dict[str, Any]) -> None:
        await socket.send(refuse(422, frame["id"]))

    async with Desk(judge).open() as desk, Producer(desk.url) as producer:
        await producer.send_batch(make_batches(1)[0])
        assert await producer.drained(5)
        assert (producer.tally.refused, producer.refused()) == (1, [("b0", "422: no")])


@pytest.mark.parametrize(
    ("reading", "said"),
    [
        ({"plan": math.nan}, "plan is nan, which isn't a finite number"),
        ({"fact": math.inf}, "fact is inf"),
        ({"fact": True}, "fact is True"),
        ({"series": ""}, "1 to 200 characters, not 0"),
        ({"series": "x" * 201}, "1 to 200 characters, not 201"),
        ({"ts": datetime(2026, 1, 1)}, "2026-01-01 00:00:00 has no time zone"),  # noqa: DTZ001
        ({"attributes": {"Plan": 1}}, "can't be called 'Plan'"),
        ({"attributes": {"note": "x" * 9000}}, "9011 bytes as JSON; at most 8192"),
        ({"attributes": {"note": object()}}, "can't be written as JSON"),
        ({"attributes": {"note": "\udcff"}}, "can't be written as JSON"),
    ],
)
async def test_a_reading_that_would_be_refused_is_not_kept(reading: Mapping[str, Any], said: str) -> None:
    async with Producer(NOWHERE) as producer:
        with pytest.raises(BadReading, match=said):
            await producer.send(**reading)
        assert producer.waiting == 0


async def test_a_batch_is_sent_as_it_was_made() -> None:
    batch = make_batch([Reading(ts=datetime(2026, 1, 1, tzinfo=UTC), series="a", plan=1)])
    other = make_batch([Reading(ts=datetime(2026, 1, 1, tzinfo=UTC), series="a", plan=1)])
    assert batch.id != other.id
    async with Desk().open() as desk, Producer(desk.url) as producer:
        await producer.send_batch(batch)
    assert desk.frames == [batch.payload.decode()]
    assert json.loads(batch.payload)["id"] == batch.id
