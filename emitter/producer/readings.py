"""Readings and batches as they are sent."""

import math
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import msgspec

from emitter.producer.errors import BadReading

OWN_KEYS = frozenset(("ts", "series", "plan", "fact", "for"))
"""The keys of a reading that have a meaning; every other key is an attribute."""
MAX_SERIES = 200
"""The most characters of a series name."""
MAX_ATTRIBUTES = 8 * 1024
"""The most bytes of a reading's attributes as JSON."""
MAX_BATCH_BYTES = 256 * 1024
"""The bytes at which a batch is closed, far below the size of frames that services refuse."""

_encode = msgspec.json.Encoder().encode


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """A plan and a fact of a series; `ts` is timezone-aware. What is None is left out. `span`, a duration such as `8h`
    or a number of seconds, spreads both numbers over the minutes from `ts` on; it is sent as `for`."""

    ts: datetime
    series: str
    plan: int | float | None = None
    fact: int | float | None = None
    attributes: Mapping[str, object] = {}
    span: str | int | float | None = None


class Batch(msgspec.Struct, frozen=True):
    """Readings that are committed together; `payload` is the envelope exactly as it is sent each time."""

    id: str
    readings: int
    payload: bytes


def encode(reading: Reading) -> bytes:
    """A reading as the JSON object that the service expects. Raises UnicodeError for text that isn't valid Unicode."""
    own = {
        "ts": reading.ts,
        "series": reading.series,
        "plan": reading.plan,
        "fact": reading.fact,
        "for": reading.span,
    }
    return _encode({key: value for key, value in own.items() if value is not None} | dict(reading.attributes))


def envelope(batch_id: str, encoded: Sequence[bytes]) -> Batch:
    """A batch of encoded readings; because of its id the service answers it."""
    payload = b'{"id":%b,"readings":[%b]}' % (_encode(batch_id), b",".join(encoded))
    return Batch(batch_id, len(encoded), payload)


def make_batch(readings: Iterable[Reading], batch_id: str | None = None) -> Batch:
    """A batch of readings that are to be committed together. With an id that always stands for these same readings,
    they are written once even if another process sends them again; without one the batch gets a new id. Raises
    BadReading where the service would refuse a reading.
    """
    return envelope(batch_id or uuid.uuid4().hex, [_checked(reading) for reading in readings])


def _checked(reading: Reading) -> bytes:
    if not 1 <= len(reading.series) <= MAX_SERIES:
        raise BadReading(f"A series' name has 1 to {MAX_SERIES} characters, not {len(reading.series)}.")
    if reading.ts.tzinfo is None:
        raise BadReading(f"{reading.ts} has no time zone.")
    for name, number in (("plan", reading.plan), ("fact", reading.fact)):
        if number is not None and (isinstance(number, bool) or not math.isfinite(number)):
            raise BadReading(f"{name} is {number}, which isn't a finite number.")
    if taken := [key for key in reading.attributes if key.lower() in OWN_KEYS]:
        raise BadReading(f"An attribute can't be called {taken[0]!r}: that is a key of its own.")
    try:
        if reading.attributes and (size := len(_encode(dict(reading.attributes)))) > MAX_ATTRIBUTES:
            raise BadReading(f"The attributes have {size} bytes as JSON; at most {MAX_ATTRIBUTES} are allowed.")
        return encode(reading)
    except (TypeError, UnicodeError, RecursionError) as exc:
        raise BadReading(f"An attribute can't be written as JSON: {exc}.") from exc
