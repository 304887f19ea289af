"""What producers sent and what they were told, batch by batch; contradictions are noted as they appear."""

from collections import Counter, deque
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import msgspec

RECENT = 300
"""Acknowledged batches that may be sent again, or lend their id."""


class Kind(Enum):
    """What the service has to make of a batch."""

    GOOD = "good"
    """Is sent again, under its id, until it is acknowledged."""
    PLAIN = "plain"
    """Has no id and is sent once: it may be lost with its connection, but never be stored twice or in part."""
    BAD = "bad"
    """Has a reading that breaks a rule: must be refused whole."""
    REUSED = "reused"
    """Has the id of another batch that was acknowledged: must be refused, not merged."""


class Answer(Enum):
    """What a producer was told."""

    WRITTEN = "written"
    DUPLICATE = "duplicate"
    TAKEN = "written or duplicate"
    """Line protocol doesn't say which."""
    REFUSED = "refused"


@dataclass(slots=True, eq=False)
class Batch:
    """One batch; its readings are those numbered from `first` on, `count` of them."""

    id: str | None
    kind: Kind
    first: int
    count: int
    content: bytes
    """The readings, as JSON."""
    sent: int = 0
    answers: Counter[Answer] = field(default_factory=Counter)

    @property
    def readings(self) -> list[dict[str, Any]]:
        """The readings as they are sent."""
        found: list[dict[str, Any]] = msgspec.json.decode(self.content)
        return found

    @property
    def acknowledged(self) -> bool:
        return self.answers.total() > self.answers[Answer.REFUSED]

    @property
    def settled(self) -> bool:
        """Whether nothing more has to be learned about it: what has no id is sent once."""
        return self.id is None or bool(self.answers)


class History:
    """All batches of a run."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []
        self.recent: deque[Batch] = deque(maxlen=RECENT)
        self.violations: list[str] = []
        self.tally: Counter[str] = Counter()
        self.again: deque[Batch] = deque()
        """Batches that any producer may take and send again, over whatever transport it has."""

    def add(self, batch: Batch) -> None:
        """A batch is about to be sent for the first time."""
        self.batches.append(batch)
        self.tally["batches"] += 1
        self.tally["readings"] += batch.count

    def sends(self, batch: Batch, form: str) -> None:
        """A batch is about to be sent in a format, maybe again."""
        self.tally[f"sent: {form}"] += 1
        self.tally["sent again"] += batch.sent > 0
        batch.sent += 1

    def lost(self, batch: Batch) -> None:
        """The answer will never come: its fate is unknown."""
        self.tally["answer lost"] += 1

    def answered(self, batch: Batch, answer: Answer, detail: str = "") -> None:
        """A batch was answered; `detail` is the reason of a refusal."""
        self.tally[answer.value] += 1
        fault = self._contradiction(batch, answer)
        if fault:
            self.violate(f"batch {batch.id} ({batch.kind.value}, number {batch.first}): {fault} {detail}".rstrip())
        first_time = not batch.acknowledged
        batch.answers[answer] += 1
        if batch.kind is Kind.GOOD and batch.acknowledged and first_time:
            self.recent.append(batch)

    def violate(self, what: str) -> None:
        """Note a broken promise."""
        self.violations.append(what)

    def unsettled(self) -> list[Batch]:
        """Batches whose producers still don't know what became of them."""
        return [batch for batch in self.batches if not batch.settled]

    def _contradiction(self, batch: Batch, answer: Answer) -> str:
        good = batch.kind in (Kind.GOOD, Kind.PLAIN)
        if answer is Answer.REFUSED:
            return "was refused though nothing is wrong with it:" if good else ""
        if not good:
            return f"was answered {answer.value} instead of being refused"
        if answer is Answer.WRITTEN and batch.answers[Answer.WRITTEN]:
            return "was written twice, so it was answered"
        if answer is Answer.DUPLICATE and batch.sent < 2:
            return "was called a duplicate though it was sent once"
        return ""
