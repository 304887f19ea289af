"""Readings and batches as they go over the wire."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

OWN_KEYS = frozenset(("ts", "series", "plan", "fact"))
"""The keys of a reading that have a meaning; every other one is an attribute."""
MAX_SERIES = 200
"""Characters of a series name."""
MAX_ATTRIBUTES = 8 * 1024
"""Bytes of a reading's attributes as JSON."""
MAX_BATCH_BYTES = 256 * 1024
"""A batch is closed when it is this large: far below the frames that services refuse."""

_encode = msgspec.json.Encoder().encode


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """One plan/fact pair of a series; `ts` is aware, None leaves a number out."""

    ts: datetime
    series: str
    plan: int | float | None = None
    fact: int | float | None = None
    attributes: Mapping[str, object] = {}


class Batch(msgspec.Struct, frozen=True):
    """Readings that are committed together; `payload` is the envelope exactly as it is sent, also when sent again."""

    id: str
    readings: int
    payload: bytes


def encode(reading: Reading) -> bytes:
    """A reading as the JSON object of the contract. UnicodeError: text that isn't Unicode."""
    own = {"ts": reading.ts, "series": reading.series, "plan": reading.plan, "fact": reading.fact}
    return _encode({key: value for key, value in own.items() if value is not None} | dict(reading.attributes))


def envelope(batch_id: str, encoded: Sequence[bytes]) -> Batch:
    """Encoded readings as a batch that the service answers."""
    payload = b'{"id":%b,"readings":[%b]}' % (_encode(batch_id), b",".join(encoded))
    return Batch(batch_id, len(encoded), payload)
