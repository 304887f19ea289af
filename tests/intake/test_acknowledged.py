"""Every reading that is sent is either written, or reported as refused."""

import asyncio
import json
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.client import connect

from service.errors import BadReading, BadRequest
from service.intake.batch import Packed
from service.intake.formats import long_json
from service.intake.formats.csv_table import add_table
from service.intake.formats.frames import read_json, read_msgpack
from service.intake.formats.line_protocol import BadLine, LineReader
from service.intake.formats.ndjson import add_lines
from service.intake.packer import Packer
from service.intake.reading import Rules, now_microseconds
from service.intake.turns import Work, at_once
from tests.conftest import Engine, settings_for
from tests.harness import free_port, running, stored

NOW = now_microseconds()
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
TOMORROW = datetime.now(UTC) + timedelta(days=1)
TWO_DAYS = timedelta(days=2)

TS = st.sampled_from([None, TOMORROW.isoformat(), "2026-01-31T14:05:00Z", "x"])
VALUES = st.sampled_from([None, 1, 2.5, "x", 1e300])
SENT = st.lists(
    st.fixed_dictionaries(
        {"series": st.just("a")}, optional={"ts": TS, "plan": VALUES, "fact": VALUES, "note": st.sampled_from([1, "x"])}
    ),
    min_size=1,
    max_size=5,
)


def as_table(sent: list[dict[str, Any]]) -> bytes:
    names = ["series", "ts", "plan", "fact", "note"]
    rows = [",".join("" if one.get(name) is None else str(one[name]) for name in names) for one in sent]
    return "\n".join([",".join(names), *rows]).encode()


def as_lines(sent: list[dict[str, Any]]) -> bytes:
    def line(one: dict[str, Any]) -> str:
        fields = {name: value for name, value in one.items() if name not in ("series", "ts") and value is not None}
        stamp = one.get("ts") and (int(datetime.fromisoformat(one["ts"]).timestamp()) if one["ts"] != "x" else "x")
        return f"a {','.join(f'{name}={json.dumps(value)}' for name, value in fields.items()) or 'n=1'} {stamp or ''}"

    return "\n".join(map(line, sent)).encode()


def packed_by(add: Callable[[bytes, Packer], Work[None]]) -> Callable[..., Packed]:
    def read(text: bytes, rules: Rules, *, partial: bool) -> Packed:
        packer = Packer(rules, NOW, partial=partial)
        at_once(add(text, packer))
        return packer.finish()

    return read


def read_lines(text: bytes, rules: Rules, *, partial: bool) -> Packed:
    reader = LineReader(Packer(rules, NOW, partial=partial), 10**9)
    at_once(reader.feed(text))
    return at_once(reader.finish())[0]


def read_long(text: bytes, rules: Rules, *, partial: bool) -> Packed:
    packed = at_once(long_json.read_long(text, rules, NOW, None, partial=partial))
    assert packed is not None
    return packed


def encoded(sent: Any) -> bytes:
    return json.dumps(sent).encode()


FORMATS: dict[str, tuple[Callable[[Any], bytes], Callable[..., Packed]]] = {
    "json": (encoded, lambda text, rules, **how: at_once(read_json(text, rules, NOW, **how))),
    "long json": (encoded, read_long),
    "messagepack": (msgspec.msgpack.encode, lambda text, rules, **_: at_once(read_msgpack(text, rules, NOW))),
    "ndjson": (lambda sent: b"\n".join(map(encoded, sent)), packed_by(add_lines)),
    "csv": (as_table, packed_by(add_table)),
    "line protocol": (as_lines, read_lines),
}


@pytest.mark.parametrize("form", FORMATS)
@given(sent=SENT, min_ts=st.sampled_from([LONG_AGO, TOMORROW - timedelta(hours=1)]), partial=st.booleans())
def test_written_and_refused_are_what_was_sent(
    form: str, sent: list[dict[str, Any]], min_ts: datetime, partial: bool
) -> None:
    encode, read = FORMATS[form]
    written, refused = told(lambda: read(encode(sent), Rules(min_ts, TWO_DAYS), partial=partial), len(sent))
    assert written + refused == len(sent)


def told(read: Callable[[], Packed], sent: int) -> tuple[int, int]:
    """How many readings were written, and how many are reported to the client as refused."""
    try:
        packed = read()
    except BadReading as exc:
        return 0, sent if exc.faults else 0  # either all readings are written or none
    except BadLine:
        return 0, sent
    return packed.count, len(packed.faults)


@pytest.mark.parametrize("form", FORMATS)
def test_a_clock_before_min_ts_is_named(form: str) -> None:
    encode, read = FORMATS[form]
    with pytest.raises(BadRequest) as caught:
        read(encode([{"series": "a", "plan": 1, "fact": 2}]), Rules(TOMORROW, TWO_DAYS), partial=False)
    assert "ts: is missing, and the server's clock, " in caught.value.detail
    assert f"is before MIN_TS, {TOMORROW:%Y-%m-%dT%H:%M:%SZ}" in caught.value.detail


@pytest.mark.anyio
async def test_no_transport_acknowledges_what_is_not_written(engine: Engine, schema: str, name: str) -> None:
    """MIN_TS is in the future here."""
    port = free_port()
    settings = settings_for(engine, schema, min_ts=TOMORROW, max_clock_skew="2d", tcp_port=port, api_host="127.0.0.1")
    good = {"series": name, "plan": 1, "ts": (TOMORROW + timedelta(hours=1)).isoformat()}
    async with running(settings) as service, connect(service.ws) as socket:
        for partial, status in (("false", 422), ("true", 200)):
            answer = await service.http.post(f"/readings?partial={partial}", json=[good, {"plan": 1, "fact": 2}])
            assert answer.status_code == status
            assert [(one["index"], one["field"]) for one in answer.json()["errors"]] == [(1, "ts")]
        assert (await service.http.post("/write", content=b"a plan=1,fact=2\n")).status_code == 400
        for frame in ({"id": name, "readings": [{"plan": 1}]}, {"plan": 1}):
            await socket.send(json.dumps(frame))
            answer = json.loads(await asyncio.wait_for(socket.recv(), 10))
            assert answer["error"]["errors"][0]["field"] == "ts"
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b'{"plan": 1}' + encoded(good))
        writer.close()
        await writer.wait_closed()
        assert len(await stored(service, name, 2)) == 2
        metrics = (await service.http.get("/metrics")).text
        assert 'taktline_refused_total{reason="invalid",where="tcp"} 1.0' in metrics


def test_what_is_refused_is_forgotten() -> None:
    """If one refusal were raised again and again, its traceback would keep the data of each batch."""
    text = json.dumps([{"plan": 1e300, "fact": 1}] * 100)
    rules = Rules(LONG_AGO, TWO_DAYS)
    tracemalloc.start()
    try:
        for _ in range(200):
            with suppress(BadReading):
                at_once(read_json(text, rules, NOW))
        assert tracemalloc.get_traced_memory()[0] < 10**6
    finally:
        tracemalloc.stop()
