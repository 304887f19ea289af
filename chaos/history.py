"""Records what the producers have sent and what they were answered, batch by batch, and notes contradictions."""

from collections import Counter, deque
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import msgspec

RECENT = 300
"""How many acknowledged batches are kept to be sent again, or to have their id used by another batch."""


class Kind(Enum):
    """What the service has to do with a batch."""

    GOOD = "good"
    """It is sent again with the same id until it is acknowledged."""
    PLAIN = "plain"
    """It has no id and is sent once. It may be lost with its connection, but must not be stored twice or in part."""
    BAD = "bad"
    """It has a reading that breaks a rule, and must be refused as a whole."""
    REUSED = "reused"
    """It has the id of another batch that was acknowledged, and must be refused."""


class Answer(Enum):
    """What a producer was answered."""

    WRITTEN = "written"
    DUPLICATE = "duplicate"
    TAKEN = "written or duplicate"
    """The answer to line protocol, which doesn't tell these two apart."""
    REFUSED = "refused"


@dataclass(slots=True, eq=False)
class Batch:
    """One batch, whose readings have the `count` numbers from `first` on."""

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
        """Whether its fate is known; a batch without an id is sent only once, so that it needn't be."""
        return self.id is None or bool(self.answers)


class History:
    """All batches of a run."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []
        self.recent: deque[Batch] = deque(maxlen=RECENT)
        self.violations: list[str] = []
        self.tally: Counter[str] = Counter()
        self.again: deque[Batch] = deque()
        """Batches that any producer may send again, over any transport."""

    def add(self, batch: Batch) -> None:
        """Adds a batch that is about to be sent for the first time."""
        self.batches.append(batch)
        self.tally["batches"] += 1
        self.tally["readings"] += batch.count

    def sends(self, batch: Batch, form: str) -> None:
        """Records that a batch is about to be sent in a format, for the first time or again."""
        self.tally[f"sent: {form}"] += 1
        self.tally["sent again"] += batch.sent > 0
        batch.sent += 1

    def lost(self, batch: Batch) -> None:
        """Records that the answer to a batch will never come, so that its fate is unknown."""
        self.tally["answer lost"] += 1

    def answered(self, batch: Batch, answer: Answer, detail: str = "") -> None:
        """Records the answer to a batch; `detail` is the reason of a refusal."""
        self.tally[answer.value] += 1
        fault = self._contradiction(batch, answer)
        if fault:
            self.violate(f"batch {batch.id} ({batch.kind.value}, number {batch.first}): {fault} {detail}".rstrip())
        first_time = not batch.acknowledged
        batch.answers[answer] += 1
        if batch.kind is Kind.GOOD and batch.acknowledged and first_time:
            self.recent.append(batch)

    def violate(self, what: str) -> None:
        """Records a broken promise."""
        self.violations.append(what)

    def unsettled(self) -> list[Batch]:
        """The batches whose fate their producers don't know yet."""
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
