"""A batch in each of the formats that the service takes; in all of them it is the same batch."""

import csv
import gzip
import io
import json
import random
from typing import Any

import msgspec

from chaos.history import Batch


def frame(batch: Batch, rng: random.Random) -> str | bytes:
    """A WebSocket frame: JSON text or binary MessagePack."""
    readings = batch.readings
    content: Any = readings if batch.id is None else {"id": batch.id, "readings": readings}
    return msgspec.msgpack.encode(content) if rng.random() < 0.3 else json.dumps(content)


def request(batch: Batch, rng: random.Random) -> tuple[dict[str, str], bytes]:
    """The headers and the body of a POST."""
    media_type, body = rng.choice((_json, _ndjson, _csv))(batch)
    headers = {"Content-Type": media_type}
    if batch.id is not None:
        headers["Idempotency-Key"] = batch.id
    if rng.random() < 0.3:
        headers["Content-Encoding"] = "gzip"
        body = gzip.compress(body, 1)
    return headers, body


def _json(batch: Batch) -> tuple[str, bytes]:
    return "application/json", batch.content


def _ndjson(batch: Batch) -> tuple[str, bytes]:
    return "application/x-ndjson", "".join(f"{json.dumps(one)}\n" for one in batch.readings).encode()


def _csv(batch: Batch) -> tuple[str, bytes]:
    """Only for batches that a table can hold."""
    readings = batch.readings
    if any(one.get("series") in ("", "a\0b") or one.get("fact") is True for one in readings):
        return _json(batch)
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(("ts", "series", "plan", "fact", "attributes"))
    for one in readings:
        note = json.dumps({"note": one["note"]}) if "note" in one else ""
        table.writerow((one.get("ts", ""), one["series"], one["plan"], one["fact"], note))
    return "text/csv", text.getvalue().encode()
