"""Input that is long: a reading has a limit, a refused batch isn't read to its end, and others have their turns
meanwhile."""

import asyncio
import gzip
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import msgspec
import pytest
from websockets.asyncio.client import connect

from service.errors import MAX_ERRORS, BadReading, BadRequest
from service.intake.batch import Packed
from service.intake.formats import frames
from service.intake.formats.csv_table import add_table
from service.intake.formats.envelopes import RefusedEnvelope
from service.intake.formats.line_protocol import BadLine, LineReader
from service.intake.formats.ndjson import add_lines
from service.intake.packer import Packer
from service.intake.reading import MAX_KEYS, MAX_SIZE, now_microseconds
from service.intake.turns import LONG_AFTER, LONG_EACH, SLICE, Turns, Work, at_once
from tests.batches import RULES
from tests.harness import Running, ask, counted

pytestmark = pytest.mark.anyio

NOW = now_microseconds()
TOO_LONG = "is longer than 65,536 bytes"
LONG = b"x" * MAX_SIZE
GOOD = b'{"plan": 1}'


def in_lines(add: Callable[[bytes, Packer], Work[None]]) -> Callable[..., Packed]:
    def read(text: bytes, *, partial: bool = False) -> Packed:
        packer = Packer(RULES, NOW, partial=partial)
        at_once(add(text, packer))
        return packer.finish()

    return read


def of_json(text: bytes, *, partial: bool = False) -> Packed:
    return at_once(frames.read_json(text, RULES, NOW, partial=partial))


def of_msgpack(raw: bytes, *, partial: bool = False) -> Packed:
    return at_once(frames.read_msgpack(raw, RULES, NOW))


def of_line_protocol(text: bytes, *, partial: bool = False, size: int = 16 * 1024) -> Packed:
    reader = LineReader(Packer(RULES, NOW, partial=partial), 1)
    for at in range(0, len(text), size):
        at_once(reader.feed(text[at : at + size]))
    return at_once(reader.finish())[0]


Read = Callable[..., Packed]
TOO_LONG_AFTER_A_GOOD_ONE: dict[str, tuple[Read, bytes]] = {
    "json": (of_json, b'[%b, {"a": "%b"}]' % (GOOD, LONG)),
    "json, many small values": (of_json, b'[%b, {"a": [%b0]}, {}]' % (GOOD, b"0," * (MAX_SIZE // 2))),
    "json, not in ASCII": (of_json, b'[%b, {"a": "%b"}, {}]' % (GOOD, "Ж".encode() * (MAX_SIZE // 2))),
    "messagepack": (of_msgpack, msgspec.msgpack.encode([{"plan": 1}, {"a": LONG.decode()}])),
    "ndjson": (in_lines(add_lines), b'%b\n{"a": "%b"}\n' % (GOOD, LONG)),
    "csv": (in_lines(add_table), b"plan,a\n1,x\n2,%b\n" % LONG),
    "csv, a row of many lines": (in_lines(add_table), b'plan,a\n1,x\n2,"%b"\n' % (b"x\n" * (MAX_SIZE // 2))),
}


@pytest.mark.parametrize("form", TOO_LONG_AFTER_A_GOOD_ONE)
def test_a_reading_that_is_too_long_is_named(form: str) -> None:
    read, text = TOO_LONG_AFTER_A_GOOD_ONE[form]
    with pytest.raises(BadReading) as caught:
        read(text)
    assert caught.value.faults[0].index == 1
    assert TOO_LONG in caught.value.detail


@pytest.mark.parametrize("text", [b'{"a": "%b"}' % LONG, b"7%b" % LONG.replace(b"x", b"7"), b'"%b"' % LONG])
def test_a_frame_with_one_reading_that_is_too_long(text: bytes) -> None:
    for read in (of_json, lambda raw: of_msgpack(msgspec.msgpack.encode({"a": raw.decode()}))):
        with pytest.raises(BadReading, match=TOO_LONG):
            read(text)


def test_a_line_of_line_protocol_that_is_too_long() -> None:
    for line in (b"a b=1,c=" + b"1" * MAX_SIZE, b'a b="' + b"x\n" * (MAX_SIZE // 2 + 10) + b'"', b"a," + LONG):
        for size in (100, 10**6):
            with pytest.raises(BadLine, match=f"line 2: .*{TOO_LONG}") as caught:
                of_line_protocol(b"a plan=1\n" + line + b"\na plan=2\n", size=size)
            assert caught.value.line == 2


def test_readings_at_the_limit_are_read() -> None:
    """They have attributes that take less space when they are stored."""
    blanks = b" " * (MAX_SIZE - len(b'{"a":1}'))
    assert of_json(b'[%b,{"a":%b1}]' % (GOOD, blanks)).count == 2
    assert of_json(b'{"a":%b1}' % blanks).count == 1
    assert in_lines(add_lines)(b'{"a":%b1}\n%b' % (blanks, GOOD)).count == 2
    assert in_lines(add_table)(b"plan,a\n1,%b1\n" % (b" " * (MAX_SIZE - 4))).count == 1


def test_in_part_the_others_are_kept() -> None:
    for read, text in (
        (in_lines(add_lines), b'%b\n{"a": "%b"}\n%b' % (GOOD, LONG, GOOD)),
        (in_lines(add_table), b"plan,a\n1,x\n2,%b\n3,y\n" % LONG),
        (of_line_protocol, b"a plan=1\na b=%b\na plan=2\n" % LONG),
    ):
        packed = read(text, partial=True)
        assert packed.count >= 2
        assert TOO_LONG in packed.faults[0].detail


FAULTY: dict[str, tuple[Read, bytes]] = {
    "json": (of_json, b"[" + b"0," * 2000 + b"0]"),
    "long json": (of_json, b"[" + b"0," * 20_000 + b"0]"),
    "long json of objects": (of_json, b"[" + b'{"plan":"x"},' * 20_000 + b"{}]"),
    "envelope": (of_json, b'{"id":"x","readings":[' + b"0," * 20_000 + b"0]}"),
    "envelope with its id at the end": (of_json, b'{"readings":[' + b"0," * 20_000 + b'0], "id": "x"}'),
    "messagepack": (of_msgpack, msgspec.msgpack.encode([0] * 2000)),
    "long messagepack": (of_msgpack, msgspec.msgpack.encode([0] * 100_000)),
    "ndjson": (in_lines(add_lines), b"0\n" * 2000),
    "csv": (in_lines(add_table), b"plan\n" + b"x\n" * 2000),
}


@pytest.mark.parametrize("form", FAULTY)
def test_a_refused_batch_is_read_to_its_hundredth_fault(form: str) -> None:
    read, text = FAULTY[form]
    with pytest.raises(BadRequest) as caught:
        read(text)
    assert (caught.value.status, len(caught.value.faults)) == (422, MAX_ERRORS)
    assert caught.value.detail.startswith("100 readings were refused, and the rest was not read; item 0")
    if form.startswith("envelope"):
        assert isinstance(caught.value, RefusedEnvelope)
        assert caught.value.batch_id == "x"


def test_in_part_all_faults_are_counted() -> None:
    for read, text in (
        (of_json, b"[" + b"0," * 20_000 + b"{}]"),
        (in_lines(add_lines), b"0\n" * 20_000 + b"{}"),
        (in_lines(add_table), b"plan\n" + b"x\n" * 20_000 + b"1\n"),
    ):
        packed = read(text, partial=True)
        assert (packed.count, packed.refused, len(packed.faults)) == (1, 20_000, MAX_ERRORS)


def test_a_quote_without_end_ends_the_table() -> None:
    """What follows may be within the quotes or not."""
    for partial in (True, False):
        with pytest.raises(BadReading, match=f"{TOO_LONG}, the most that a reading may have") as caught:
            in_lines(add_table)(b'plan,a\n1,x\n2,"%b' % (b"3,y\n" * MAX_SIZE), partial=partial)
        assert [fault.index for fault in caught.value.faults] == [1]


def test_keys_are_counted() -> None:
    fields = b",".join([b"a=1"] * (MAX_KEYS + 1))
    with pytest.raises(BadLine, match="has more than 2,000 fields"):
        of_line_protocol(b"a " + fields)
    with pytest.raises(BadLine, match="has more than 2,000 tags"):
        of_line_protocol(b"a," + fields + b" plan=1")
    with pytest.raises(BadRequest, match="has 2,001 columns; at most 2,000 are read"):
        in_lines(add_table)(b"plan" + b"".join(b",c%d" % number for number in range(MAX_KEYS)))


def test_envelopes_of_usual_size_are_read_at_once() -> None:
    """Whereas a text of the same size with very many readings, or with other brackets, is read in slices."""
    reading = b'{"ts": "2026-01-31T14:05:00.123456+00:00", "series": "line 12", "plan": 40, "fact": 38}'
    usual = b'{"id": "x", "readings": [%b]}' % b",".join([reading] * 1000)
    packed = frames.plain_json(usual, RULES, NOW)
    assert packed is not None
    assert packed == of_json(usual)
    assert frames.plain_json(b"[" + b"{}," * (len(usual) // 3) + b"{}]", RULES, NOW) is None
    assert frames.plain_json(b"[" + b"[]," * (len(usual) // 3) + b"[]]", RULES, NOW) is None


def test_an_id_is_sent_back_only_if_it_is_short() -> None:
    for sent, answered in ((b'"%b"' % (b"x" * 500), "x" * 500), (b'"%b"' % (b"x" * 5000), None), (b"[7]", [7])):
        with pytest.raises(RefusedEnvelope) as caught:
            of_json(b'{"id": %b, "readings": []}' % sent)
        assert caught.value.batch_id == answered


async def test_work_of_many_takes_turns() -> None:
    """However many work at the same time, one of them goes on between two turns of others."""
    turns, steps, senders = Turns(), 5, 20
    looks = 0

    def work() -> Work[int]:
        for _ in range(steps):
            time.sleep(1.2 * SLICE)
            yield
        return 7

    async def look() -> None:
        nonlocal looks
        while True:
            await asyncio.sleep(0)
            looks += 1

    looking = asyncio.create_task(look())
    assert await asyncio.gather(*(turns.share().do(work()) for _ in range(senders))) == [7] * senders
    looking.cancel()
    assert looks > senders * (steps - 1)


async def test_of_long_work_a_sender_has_only_some_under_way() -> None:
    """What was parsed takes memory until its end. Others' goes on beside, and what is short waits for none of it."""
    turns, under_way, most, ended = Turns(), dict[str, int](), 0, list[str]()

    def work(name: str, slices: int) -> Work[None]:
        nonlocal most
        for number in range(slices):
            time.sleep(1.2 * SLICE)
            if number == LONG_AFTER + 1:
                under_way[name] = under_way.get(name, 0) + 1
                most = max(most, under_way[name])
            yield
        if slices > LONG_AFTER:
            under_way[name] -= 1
        ended.append(name)

    greedy = [asyncio.create_task(turns.share("greedy").do(work("greedy", 3 * LONG_AFTER))) for _ in range(10)]
    await asyncio.sleep(0)
    await asyncio.gather(
        turns.share("modest").do(work("modest", 3 * LONG_AFTER)),
        turns.share("greedy").do(work("short", LONG_AFTER // 2)),
    )
    assert ended[0] == "short"
    assert ended.index("modest") < LONG_EACH + 2
    await asyncio.gather(*greedy)
    assert most == LONG_EACH


@asynccontextmanager
async def longest_pause() -> AsyncIterator[list[float]]:
    """The longest time in the block for which the event loop, which the service shares with the test, worked without a
    break; in seconds of the processor, since other programs may run as well."""
    pauses = [0.0]

    async def look() -> None:
        last = time.thread_time()
        while True:
            await asyncio.sleep(0)
            now = time.thread_time()
            pauses[0] = max(pauses[0], now - last)
            last = now

    looking = asyncio.create_task(look())
    yield pauses
    looking.cancel()


HOSTILE = {
    "one line": ("/write", "text/plain", b"m " + b"a=1," * 1_000_000 + b"a=1"),
    "one object": ("/readings", "application/json", b"[{" + b'"a":1,' * 2_000_000 + b'"a":1}]'),
    "empty arrays": ("/readings?partial=true", "application/json", b"[" + b"[]," * 50_000 + b"{}]"),
    "one row": ("/readings", "text/csv", b"plan,fact\n" + b"," * 15_000_000),
    "one line of json": ("/readings", "application/x-ndjson", b'{"a":[' + b"0," * 7_000_000 + b"0]}"),
}


@pytest.mark.parametrize("kind", HOSTILE)
async def test_no_body_holds_the_event_loop(shared: Running, kind: str) -> None:
    path, media_type, text = HOSTILE[kind]
    headers = {"Content-Type": media_type, "Content-Encoding": "gzip"}
    body = gzip.compress(text, 1)
    async with longest_pause() as pauses:
        answer = await shared.http.post(path, content=body, headers=headers)
    assert answer.status_code in (200, 400, 422)
    assert pauses[0] < 0.5


async def test_no_frames_hold_it(shared: Running, name: str) -> None:
    frame = "[" + "[]," * 199_000 + "[]]"
    async with connect(shared.ws) as one, connect(shared.ws) as other, connect(shared.ws) as producer:
        async with longest_pause() as pauses:
            await asyncio.gather(*(socket.send(form) for socket in (one, other) for form in (frame, frame.encode())))
            answer = await ask(producer, {"id": name, "readings": [{"plan": 1, "series": name}]})
        assert answer == {"ack": name, "written": 1}
    assert pauses[0] < 0.5


async def test_a_query_is_short(shared: Running) -> None:
    before = await counted(shared, "/query", "too_large")
    answer = await shared.http.post("/query", data={"q": "x" * 50_000})
    assert (answer.status_code, answer.json()) == (
        413,
        {"error": "The body is larger than 40,000 bytes; send it in several requests."},
    )
    assert await counted(shared, "/query", "too_large") == before + 1
