"""The answers of the service to a batch."""

from typing import assert_never

import msgspec

from emitter.producer.printable import printable


class Fault(msgspec.Struct, frozen=True):
    """One fault of one reading of the batch. `index` counts from 0; the text for people counts from 1."""

    index: int | None = None
    field: str = ""
    detail: str = ""

    def __str__(self) -> str:
        where = " ".join(
            part for part in (None if self.index is None else f"reading {self.index + 1}", self.field) if part
        )
        return f"{where}: {self.detail}" if where else self.detail


class Problem(msgspec.Struct, frozen=True):
    """An RFC 9457 problem, as far as a producer needs it; `retry_after` is in seconds."""

    status: int = 500
    title: str = ""
    detail: str = ""
    errors: list[Fault] = []
    retry_after: float | None = None

    @property
    def id_taken(self) -> bool:
        """Whether the batch's id was committed before with other content."""
        return self.status == 422 and any(fault.field == "id" for fault in self.errors)

    @property
    def passes(self) -> bool:
        """Whether the service may accept the same batch later."""
        return self.status == 429 or self.status >= 500

    def __str__(self) -> str:
        reason = (self.detail or self.title or "no reason given").rstrip(".")
        first = f" ({self.errors[0]})" if self.errors and self.errors[0].detail not in reason else ""
        return printable(f"{self.status}: {reason}{first}")


class Written(msgspec.Struct, frozen=True):
    """The batch is committed."""

    id: str
    readings: int


class Duplicate(msgspec.Struct, frozen=True):
    """The batch was committed before."""

    id: str


class Refused(msgspec.Struct, frozen=True):
    """The batch isn't committed; `id` is None where the service couldn't read it."""

    id: str | None
    problem: Problem


Answer = Written | Duplicate | Refused


class Tally(msgspec.Struct):
    """Counts the answers of the service in readings, and how often batches were sent again and connections were
    made."""

    written: int = 0
    duplicates: int = 0
    refused: int = 0
    retries: int = 0
    connections: int = 0

    def count(self, readings: int, answer: Answer) -> None:
        """Counts the final answer to a batch of so many readings."""
        match answer:
            case Written():
                self.written += answer.readings
            case Duplicate():
                self.duplicates += readings
            case Refused():
                self.refused += readings
            case _:
                assert_never(answer)


class _Frame(msgspec.Struct, frozen=True):
    ack: str | None = None
    written: int = 0
    duplicate: bool = False
    error: Problem | None = None
    id: str | None = None


_decode = msgspec.json.Decoder(_Frame).decode
_decode_problem = msgspec.json.Decoder(Problem).decode


def read_answer(message: str | bytes) -> Answer | None:
    """The answer in a frame; None where it isn't one that a producer knows."""
    try:
        frame = _decode(message)
    except msgspec.DecodeError:
        return None
    if frame.error is not None:
        return Refused(frame.id, frame.error)
    if frame.ack is None:
        return None
    return Duplicate(frame.ack) if frame.duplicate else Written(frame.ack, frame.written)


def read_problem(body: bytes) -> str:
    """The detail of a problem document; "" where the body is something else."""
    try:
        return printable(_decode_problem(body).detail)
    except msgspec.DecodeError:
        return ""
