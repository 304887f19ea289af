"""Encodes a batch in each of the formats that the service accepts. In all of them it is the same batch."""

import csv
import gzip
import io
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from chaos.history import Batch

LINE_ADDRESSES = ("/write?db=chaos&precision=us", "/api/v2/write?org=chaos&bucket=chaos&precision=us")
SEPARATORS = (b"", b" ", b"\n", b"\r\n")
"""The separators that may be between two JSON texts of a stream."""


@dataclass
class Post:
    """A request that carries a batch."""

    form: str
    """The name of the format, for the report."""
    address: str
    headers: dict[str, str]
    body: bytes = field(repr=False)


def frame(batch: Batch, rng: random.Random) -> str | bytes:
    """A WebSocket frame: JSON text or binary MessagePack."""
    readings = batch.readings
    content: Any = readings if batch.id is None else {"id": batch.id, "readings": readings}
    return msgspec.msgpack.encode(content) if rng.random() < 0.3 else json.dumps(content)


def stream(batch: Batch, rng: random.Random) -> bytes:
    """A text of a stream, which is a reading or an array, and a separator."""
    readings = batch.readings
    content = readings[0] if batch.count == 1 and rng.random() < 0.8 else readings
    return json.dumps(content, indent=rng.choice((None, None, 1))).encode() + rng.choice(SEPARATORS)


def request(batch: Batch, rng: random.Random) -> Post:
    """A POST."""
    ways: list[Callable[[Batch], Post]] = [_json, _ndjson]
    if all(_fits_table(one) for one in batch.readings):
        ways.append(_csv)
    if all(_fits_line(one) for one in batch.readings):
        ways += [_lines(rng.choice(LINE_ADDRESSES))] * 2
    made = rng.choice(ways)(batch)
    if batch.id is not None:
        made.headers["Idempotency-Key"] = batch.id
    if rng.random() < 0.3:
        made.headers["Content-Encoding"] = "gzip"
        made.body = gzip.compress(made.body, 1)
    return made


def _json(batch: Batch) -> Post:
    return Post("JSON", "/readings", {"Content-Type": "application/json"}, batch.content)


def _ndjson(batch: Batch) -> Post:
    body = "".join(f"{json.dumps(one)}\n" for one in batch.readings).encode()
    return Post("NDJSON", "/readings", {"Content-Type": "application/x-ndjson"}, body)


def _fits_table(one: dict[str, Any]) -> bool:
    return one["series"] not in ("", "a\0b") and one["fact"] is not True


def _csv(batch: Batch) -> Post:
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(("ts", "series", "plan", "fact", "attributes"))
    for one in batch.readings:
        extra = {name: one[name] for name in ("note", "more") if name in one}
        attributes = json.dumps(extra) if extra else ""
        table.writerow((one.get("ts", ""), one["series"], one["plan"], one["fact"], attributes))
    return Post("CSV", "/readings", {"Content-Type": "text/csv"}, text.getvalue().encode())


def _fits_line(one: dict[str, Any]) -> bool:
    """Whether a reading can be written as line protocol, which has neither nested JSON nor malformed times."""
    return _fits_table(one) and "more" not in one and one.get("ts") != "yesterday"


def _lines(address: str) -> Callable[[Batch], Post]:
    def encode(batch: Batch) -> Post:
        body = "\n".join(map(_line, batch.readings)).encode()
        return Post("line protocol", address, {"Content-Type": "text/plain"}, body)

    return encode


def _line(one: dict[str, Any]) -> str:
    fields = {name: one[name] for name in ("plan", "fact", "note") if name in one}
    told = ",".join(f"{name}={_field(value)}" for name, value in fields.items())
    ts = f" {round(datetime.fromisoformat(one['ts']).timestamp() * 1e6)}" if "ts" in one else ""
    return f"reading,series={one['series'].replace(' ', chr(92) + ' ')} {told}{ts}"


def _field(value: object) -> str:
    if not isinstance(value, str):
        return str(value)
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
