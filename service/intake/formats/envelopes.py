"""Envelopes: a batch id and readings, whose refusal is answered under that id."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeGuard

import msgspec

from service.errors import BadReading, BadRequest, Fault, TooLarge
from service.intake.reading import MAX_NAME, check_batch_id

MAX_ANSWERED = 1000
"""The most bytes of an unusable batch id that is sent back, as JSON."""


class RefusedEnvelope(BadRequest):
    """An envelope is refused. `batch_id` is its id as it was sent, of whatever type, if that can be sent back."""

    def __init__(self, error: BadRequest | TooLarge, batch_id: object) -> None:
        super().__init__(error.detail, error.faults if isinstance(error, BadRequest) else ())
        self.status, self.reason = error.status, error.reason
        self.batch_id = batch_id if _can_be_sent(batch_id) else None


def is_envelope(value: object) -> TypeGuard[dict[str, Any]]:
    """Whether the value is an envelope: an object whose `readings` is an array. Any other object is a reading."""
    return isinstance(value, dict) and isinstance(value.get("readings"), list)


@contextmanager
def answered_under(batch_id: object) -> Iterator[None]:
    """A block that reads an envelope. What it refuses becomes the refusal of the envelope."""
    try:
        yield
    except RefusedEnvelope:
        raise
    except (BadRequest, TooLarge) as exc:
        raise RefusedEnvelope(exc, batch_id) from exc


def check_own_id(own_id: object, batch_id: str | None) -> str:
    """The id of an envelope. Raises BadReading where it is unusable, or isn't the id that was given beside the text."""
    if own_id is None:
        raise BadReading(
            f'An object with "readings" is an envelope, which needs an "id" of 1 to {MAX_NAME} characters; '
            "without one, send the array by itself.",
            [Fault(0, "id", "is missing")],
        )
    checked = check_batch_id(own_id)
    if batch_id not in (None, checked):
        raise BadReading(f"The envelope's id {checked!r} isn't the id given with the request.")
    return checked


def _can_be_sent(batch_id: object) -> bool:
    try:
        return len(msgspec.json.encode(batch_id)) <= MAX_ANSWERED
    except (ValueError, TypeError, OverflowError, RecursionError):
        return False
