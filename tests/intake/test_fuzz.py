"""Whatever is sent, there is no status 500 and no traceback, no socket is closed without need, and no other batch is
harmed."""

import asyncio
import gzip
import json
import logging
import math
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from service.errors import BadReading, BadRequest
from service.intake.batch import Packed
from service.intake.bodies import lines
from service.intake.formats import decoding, frames, long_msgpack
from service.intake.formats.csv_table import add_table
from service.intake.formats.long_json import read_long
from service.intake.formats.ndjson import add_lines
from service.intake.packer import Packer
from service.intake.reading import Rules, now_microseconds
from service.intake.turns import Work, at_once
from tests.examples import examples
from tests.harness import Running

RULES = Rules(datetime(1970, 1, 1, tzinfo=UTC), timedelta(days=1))
NOW = now_microseconds()
MICROSECOND = timedelta(microseconds=1)

# ---- what is sent

NUMBERS = st.one_of(
    st.integers(-(10**6), 10**6),
    st.integers(-(10**400), 10**400),
    st.floats(),
    st.sampled_from([0, -0.0, 1e290, 1.1e290, 2**53 + 1, 10**16, 10**17, 1e11, 99999999999.5, -1, -1e11]),
)
TIMES = st.one_of(
    st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat),
    st.integers(-(10**14), 2 * 10**15).map(
        lambda us: (datetime(1970, 1, 1, tzinfo=UTC) + us * MICROSECOND).isoformat()
    ),
    st.integers(0, 2 * 10**12),
    st.integers(-(10**17), 10**17),
    st.floats(0, 2e12),
    st.builds(
        "{:04}-{:02}-{:02}{}{:02}:{:02}:{:02}{}{}".format,
        *(st.integers(0, 9999) | st.just(2026), st.integers(0, 13), st.integers(0, 32), st.sampled_from("Tt _")),
        *(st.integers(0, 24), st.integers(0, 60), st.integers(0, 60)),
        st.sampled_from(["", ".", ".5", ".123456", ".1234567", ".123456789012", ",5"]),
        st.sampled_from(["Z", "z", "", "+01:00", "-00:00", "+0100", "+24:00", "+23:59", " Z"]),
    ),
)
TEXTS = st.one_of(st.text(max_size=5), st.text("ab\0Ж😀", max_size=210), st.just("x" * 201), st.just("Ж" * 200))
ANYTHING = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
SPANS = st.sampled_from(["1m", "15m", "1h", "8h", "31d", "PT8H", "90s", "32d", "0m", "1 hour", 60, 3600.0, 61, -60])
PLAIN = st.fixed_dictionaries(
    {},
    optional={
        "ts": st.none() | TIMES | TIMES | ANYTHING,
        "series": st.none() | TEXTS | ANYTHING,
        "plan": st.none() | NUMBERS | NUMBERS | ANYTHING,
        "fact": st.none() | NUMBERS | NUMBERS | ANYTHING,
        "for": st.none() | SPANS | SPANS | ANYTHING,
    },
)
LOOSE = st.fixed_dictionaries(
    {}, optional={"plan": NUMBERS, "ts": TIMES, "id": TEXTS | ANYTHING, "readings": ANYTHING, "note": ANYTHING}
)
READINGS = st.one_of(PLAIN, PLAIN, LOOSE)
ENVELOPES = st.fixed_dictionaries(
    {"readings": st.lists(READINGS, max_size=4) | ANYTHING}, optional={"id": TEXTS | ANYTHING, "plan": NUMBERS}
)
CONTENTS = st.one_of(READINGS, st.lists(READINGS, max_size=4), ENVELOPES, ANYTHING)


def as_json(value: object) -> bytes:
    """JSON with NaN, Infinity and lone surrogates, as careless programs write it."""
    return json.dumps(value).encode()


def as_msgpack(value: object) -> bytes:
    try:
        return msgspec.msgpack.encode(value)
    except (OverflowError, UnicodeEncodeError):
        return b"\xc1"


JSONS = CONTENTS.map(as_json)
NESTED = st.integers(1, 3000).map(lambda deep: b"[" * deep + b"]" * deep)
NESTED_OBJECTS = st.integers(1, 1500).map(lambda deep: b'{"a":' * deep + b"1" + b"}" * deep)
BROKEN = st.tuples(JSONS, st.integers(0, 200), st.binary(max_size=3)).map(lambda t: t[0][: t[1]] + t[2] + t[0][t[1] :])
BODIES = st.one_of(JSONS, JSONS, BROKEN, st.binary(max_size=200), NESTED, NESTED_OBJECTS)
CELLS = st.one_of(
    NUMBERS.map(str),
    TIMES.map(str),
    SPANS.map(str),
    TEXTS,
    st.sampled_from(['"', '""', '{"a":1}', "nan", "1e999", "1_0"]),
)
TABLES = st.lists(st.lists(CELLS, max_size=7).map(",".join), max_size=5).map(
    lambda rows: "\r\n".join(["ts,series,plan,fact,attributes,note,for", *rows]).encode("utf-8", "surrogatepass")
)

# ---- decoders


def content(packed: Packed) -> tuple[object, ...]:
    return packed.rows, packed.spreads, packed.id, packed.digest, packed.count, packed.minutes, packed.faults


def finished(packer: Packer) -> object:
    """What the packer holds, or the faults where no reading is good."""
    try:
        return content(packer.finish())
    except BadReading as exc:
        return exc.faults


def fast(decode: Callable[[bytes], Any], raw: bytes, batch_id: str | None) -> Packed | None:
    try:
        return frames.pack_plain(decode(raw), RULES, NOW, batch_id)
    except (ValueError, RecursionError):
        return None


@examples(3)
@given(raw=JSONS, batch_id=st.none() | st.just("key"))
@example(raw=b'{"id": null, "plan": 1}', batch_id=None)
@example(raw=b'{"readings": null, "plan": 1}', batch_id=None)
@example(raw=b'{"plan": 1, "plan": 2}', batch_id=None)
@example(raw=b'{"ts": 1769868300.1234567, "plan": 1}', batch_id="key")
def test_the_fast_way_of_json_gives_the_rows_of_the_slow_one(raw: bytes, batch_id: str | None) -> None:
    if (quick := fast(frames.decode_plain_json, raw, batch_id)) is not None:
        assert content(quick) == content(at_once(frames.pack_checked(decoding.parse_json(raw), RULES, NOW, batch_id)))


@examples(3)
@given(raw=CONTENTS.map(as_msgpack))
@example(raw=as_msgpack({"id": None, "plan": 1}))
@example(raw=as_msgpack({"ts": datetime(2026, 1, 31, 14, 5, 0, 123457, UTC), "plan": 1}))
@example(raw=as_msgpack({"plan": math.nan}))
def test_the_fast_way_of_messagepack_gives_the_rows_of_the_slow_one(raw: bytes) -> None:
    if (quick := fast(frames.decode_plain_msgpack, raw, None)) is not None:
        assert content(quick) == content(at_once(frames.pack_checked(decoding.parse_msgpack(raw), RULES, NOW, None)))


@examples(3)
@given(values=st.lists(READINGS, max_size=5), at=st.integers(0, 5))
def test_a_block_of_lines_gives_the_rows_of_its_lines(values: list[object], at: int) -> None:
    lines = [json.dumps(value).encode() + b"\n" for value in values]
    whole, split, single = (Packer(RULES, NOW, "key", partial=True) for _ in range(3))
    at_once(add_lines(b"".join(lines), whole))
    at_once(add_lines(b"".join(lines[:at]), split))
    at_once(add_lines(b"\n".join(lines[at:]), split))
    for line in lines:
        at_once(add_lines(line, single))
    assert finished(split) == finished(single) == finished(whole)


ARRAYS = st.one_of(
    st.lists(READINGS | ANYTHING, max_size=8).map(as_json),
    st.lists(
        st.sampled_from(['{"plan":1}', '{"a":"},"}', '{"a":[{},{}]}', "{}", ",", ",", " ", "5", "]", "["]), max_size=12
    ).map(lambda parts: f" [{''.join(parts)}]\n".encode()),
)


LONG = st.one_of(ARRAYS, ENVELOPES.map(as_json), LOOSE.map(as_json))


@examples(3)
@given(raw=LONG, size=st.integers(0, 60), partial=st.booleans())
@example(raw=b"[{}, ]", size=0, partial=True)
@example(raw=b"[{},]", size=0, partial=True)
@example(raw=b'[{"a":"},{"},{}]', size=0, partial=True)
@example(raw=b'{"readings": [{}, {"plan": 1}], "id": "key"}', size=0, partial=True)
@example(raw=b'{"readings": [{}], "id": "key", "readings": 5}', size=0, partial=True)
@example(raw=b'{"id": "a", "id": "key", "readings": [{}], "readings": [{}, {}]}', size=0, partial=True)
def test_a_long_text_makes_the_same_batch_by_pieces(raw: bytes, size: int, partial: bool) -> None:
    def outcome(work: Callable[[], Work[Packed | None]]) -> object:
        try:
            packed = at_once(work())
        except BadRequest as exc:
            broken = exc.detail.startswith("This isn't JSON")
            return exc.status, broken or exc.detail, exc.faults, None if broken else getattr(exc, "batch_id", None)
        if packed is None:
            return None
        return msgspec.structs.replace(packed, series=frozenset(name or "default" for name in packed.series))

    by_pieces = outcome(lambda: read_long(raw, RULES, NOW, "key", partial=partial, piece=size))
    if by_pieces is not None:
        assert by_pieces == outcome(lambda: frames.read_json(raw, RULES, NOW, "key", partial=partial))


@examples(3)
@given(value=st.lists(READINGS | ANYTHING, max_size=8) | ENVELOPES)
def test_a_long_messagepack_value_makes_the_same_batch_by_pieces(value: object) -> None:
    def outcome(work: Work[Packed | None]) -> object:
        try:
            packed = at_once(work)
        except BadRequest as exc:
            # the id as text, since it may be NaN, which doesn't equal itself
            return exc.status, exc.detail, exc.faults, repr(getattr(exc, "batch_id", None))
        return packed and content(packed)

    raw = as_msgpack(value)
    if (by_pieces := outcome(long_msgpack.read_long(raw, RULES, NOW))) is not None:
        assert by_pieces == outcome(frames.read_msgpack(raw, RULES, NOW))


LINES = st.lists(
    st.sampled_from(
        [
            '{"plan":1}',
            '{"plan":2,"fact":3}',
            "{",
            "}",
            '"plan":4',
            ",",
            '{"a":1}',
            "{}",
            "x",
            "5",
            " ",
            "\r",
            "\f",
            "\n",
            "\n",
            "\r\n",
        ]
    ),
    max_size=14,
).map(lambda parts: "".join(parts).encode())


def outcome_of_lines(blocks: list[bytes]) -> Packed | BadReading:
    async def read() -> Packed | BadReading:
        async def chunks() -> AsyncIterator[bytes]:
            for block in blocks:
                yield block

        packer = Packer(RULES, NOW, "key", partial=True)
        async for block in lines(chunks()):
            at_once(add_lines(block, packer))
        try:
            return packer.finish()
        except BadReading as exc:
            return exc

    return asyncio.run(read())


@examples(3)
@given(raw=LINES, cuts=st.lists(st.integers(0, 60), max_size=4).map(sorted))
@example(raw=b'{\n"plan":1\n}\n', cuts=[2])
@example(raw=b'{"plan":1}{"plan":2}\n{"a":1}\n', cuts=[21])
@example(raw=b'{"plan":1}{"plan":2}\n{"plan":\n3}\n', cuts=[])
@example(raw=b'{"plan":1,\n"fact":2}{"plan":3}\n', cuts=[])
@example(raw=b'{"plan":1}\r{"plan":2}\n', cuts=[])
def test_lines_say_the_same_however_the_body_is_cut(raw: bytes, cuts: list[int]) -> None:
    """Each line is one JSON text, whatever the lines around it are."""
    whole = outcome_of_lines([raw])
    pieces = outcome_of_lines([raw[start:end] for start, end in pairwise([0, *cuts, len(raw)])])
    single = outcome_of_lines(raw.splitlines(keepends=True) if b"\r" not in raw and b"\f" not in raw else [raw])
    for other in (pieces, single):
        if isinstance(whole, Packed):
            assert isinstance(other, Packed)
            assert content(other) == content(whole)
        else:
            assert isinstance(other, BadReading)
            assert other.faults == whole.faults
    texts = [line for line in raw.split(b"\n") if line.strip(b" \t\r")]
    assert texts or isinstance(whole, Packed)
    count = whole.count + whole.refused if isinstance(whole, Packed) else len(whole.faults)
    assert count == len(texts)


@examples(3)
@given(raw=BODIES)
def test_every_decoder_takes_it_or_refuses_it(raw: bytes) -> None:
    """Any exception other than our own errors would become status 500."""
    for read in (frames.read_json, frames.read_msgpack, frames.read_frame):
        with suppress(BadRequest):
            assert at_once(read(raw, RULES, NOW)).count >= 0


@examples(3)
@given(raw=st.one_of(TABLES, st.binary(max_size=200), BODIES))
def test_every_table_is_taken_or_refused(raw: bytes) -> None:
    packer = Packer(RULES, NOW)
    with suppress(BadRequest):
        at_once(add_table(raw, packer))
        packer.finish()


# ---- the service


@pytest.fixture(autouse=True)
def _no_traceback(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Check that nothing that is sent makes the service log an internal error."""
    yield
    told = "".join(capfd.readouterr())
    assert "Traceback" not in told
    assert "unexpected error" not in told
    assert not [one for one in caplog.records if one.levelno >= logging.ERROR]


async def post_good(service: Running, name: str) -> None:
    """Send another client's batch at the same time."""
    answer = await service.http.post("/readings", json=[{"plan": 1, "series": name}] * 3)
    assert (answer.status_code, answer.json()) == (200, {"written": 3, "duplicate": False})


KEYS = st.one_of(
    st.none(),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=210).map(
        str.strip
    ),  # no header ends in blanks
    st.just("Ж"),
)
TYPES = st.sampled_from(
    [
        "application/json",
        "application/json; charset=latin-1",
        "application/x-ndjson",
        "text/csv",
        "text/plain",
        "",
        "/",
        ";",
    ]
)
ENCODINGS = st.sampled_from(["", "", "gzip", "gzip", "identity", "deflate", "gzip, gzip", "\xff"])


@pytest.mark.anyio
@examples(0.6)
@given(
    body=st.one_of(BODIES, TABLES, BODIES.map(gzip.compress), BODIES.map(lambda raw: gzip.compress(raw)[:-4])),
    key=KEYS,
    media_type=TYPES,
    encoding=ENCODINGS,
    query=st.sampled_from(["", "?partial=true", "?partial=maybe", "?parti%00al=true", "?partial=true&partial=false"]),
)
async def test_any_request(
    shared: Running, name: str, body: bytes, key: str | None, media_type: str, encoding: str, query: str
) -> None:
    headers = [(b"Content-Type", media_type.encode())]
    if key is not None:
        headers.append((b"Idempotency-Key", key.encode()))
    if encoding:
        headers.append((b"Content-Encoding", encoding.encode("latin-1")))
    request = shared.http.post(f"/readings{query}", content=body, headers=headers)
    answer, _ = await asyncio.gather(request, post_good(shared, name))
    assert answer.status_code in (200, 400, 415, 422)
    if answer.status_code != 200:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["detail"]


@pytest.mark.anyio
@examples(0.6)
@given(
    raw=st.binary(max_size=300),
    head=st.sampled_from([b"", b"POST /readings HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: x\r\n"]),
)
async def test_any_bytes_on_the_port(shared: Running, name: str, raw: bytes, head: bytes) -> None:
    host, port = shared.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(head + raw)
    writer.write_eof()
    answer, _ = await asyncio.gather(reader.read(2000), post_good(shared, name))
    writer.close()
    assert not answer or b" 500 " not in answer.split(b"\r\n")[0]


@pytest.fixture
async def socket(shared: Running) -> AsyncIterator[ClientConnection]:
    async with connect(shared.ws, max_size=None) as opened:
        yield opened


async def still_good(socket: ClientConnection, name: str) -> None:
    """Check that the next batch on the same socket is acknowledged, with only refusals before it."""
    await socket.send(json.dumps({"id": name, "readings": [{"plan": 1, "series": "fuzz"}]}))
    async with asyncio.timeout(20):
        while (answer := json.loads(await socket.recv())).get("ack") != name:
            assert "ack" in answer or answer["error"]["status"] in (400, 422), answer


@pytest.mark.anyio
@examples(0.6)
@given(raw=st.one_of(BODIES, CONTENTS.map(as_msgpack)), binary=st.booleans())
async def test_any_frame(shared: Running, name: str, socket: ClientConnection, raw: bytes, binary: bool) -> None:
    await socket.send(raw if binary else raw.decode(errors="replace"))
    await asyncio.gather(still_good(socket, name), post_good(shared, name))


@pytest.mark.anyio
async def test_a_frame_at_the_limit_and_one_over_it(shared: Running, name: str, socket: ClientConnection) -> None:
    limit = shared.server.config.ws_max_size
    frame = json.dumps({"id": f"{name} large", "readings": [{"series": name, "plan": 1}] * 10_000}).encode()
    for size, kind in ((limit, True), (limit, False)):
        await socket.send(frame.ljust(size), text=kind)
        answer = json.loads(await asyncio.wait_for(socket.recv(), 20))
        # it is sent as text, and then as bytes
        assert answer == {"ack": f"{name} large", "written": 10_000} or answer["duplicate"]
    await still_good(socket, name)
    async with connect(shared.ws) as other:
        await other.send(frame.ljust(limit + 1), text=True)
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(other.recv(), 20)
        assert other.close_code == 1009
    await still_good(socket, name)


@pytest.mark.anyio
async def test_text_that_is_no_utf8_closes_that_socket_alone(
    shared: Running, name: str, socket: ClientConnection
) -> None:
    """RFC 6455 requires the close code 1007."""
    async with connect(shared.ws) as other:
        await other.send(b'{"series": "\xff"}', text=True)
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(other.recv(), 20)
        assert other.close_code == 1007
    await still_good(socket, name)
