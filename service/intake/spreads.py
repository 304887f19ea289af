"""Readings that stand for a span of minutes, and how their numbers are spread over these.

A batch holds such a reading as it was sent. Its rows, one a minute, are only made while they are written, since a few
bytes may stand for very many of them: so they take neither memory while they wait, nor anybody's turn.
"""

from collections.abc import Iterable, Iterator
from itertools import chain, islice
from math import frexp, ldexp

import msgspec

from service.intake.copy_rows import AFTER_TS, encode_one, row_start
from service.intake.spans import Breaks, working_minutes
from service.intake.timestamps import MINUTE

PIECE = 2000
"""How many rows are made at once, which takes about a millisecond."""
SIZE = 400
"""About how many bytes of memory a reading takes beside its attributes and the name of its series."""
MANTISSA, LEAST_EXPONENT = 53, -1074
"""The bits of a double's mantissa, and the exponent of the smallest double."""
FINENESS = 24
"""The bits that each part has at least."""


class Spread(msgspec.Struct, frozen=True, gc=False):
    """A reading for some minutes from `ts` on, which is in microseconds since 1970; `runs` has the numbers of these
    minutes. `series` is a text_field(). The attributes belong to the first minute."""

    ts: int
    series: bytes
    plan: float | None
    fact: float | None
    attributes: bytes | None
    runs: tuple[range, ...]

    @property
    def count(self) -> int:
        """How many rows it becomes."""
        return sum(map(len, self.runs))

    @property
    def first(self) -> int:
        """The time of its first row."""
        return self.ts + MINUTE * self.runs[0].start

    @property
    def size(self) -> int:
        """About how many bytes of memory it takes."""
        return SIZE + len(self.series) + len(self.attributes or b"")

    def minutes(self) -> Iterator[range]:
        """The minutes since 1970 in which its rows lie."""
        minute = self.ts // MINUTE
        return (range(minute + run.start, minute + run.stop) for run in self.runs)

    def rows(self) -> Iterator[bytes]:
        """Its rows in COPY format."""
        count = self.count
        plan, fact = Parts.of(self.plan, count), Parts.of(self.fact, count)
        rests = [encode_one(0, self.series, p, f, None)[AFTER_TS:] for p in plan.values for f in fact.values]
        yield encode_one(self.first, self.series, plan.values[0], fact.values[0], self.attributes)
        plan_carry, fact_carry = plan.carry, fact.carry
        for number in islice(chain.from_iterable(self.runs), 1, None):
            plan_carry += plan.carry
            fact_carry += fact.carry
            which = 0
            if plan_carry >= count:
                plan_carry -= count
                which = 2
            if fact_carry >= count:
                fact_carry -= count
                which += 1
            yield row_start(self.ts + MINUTE * number) + rests[which]


class Parts(msgspec.Struct, frozen=True):
    """A number in equal parts, whose sum is exactly the number, in whatever order they are added.

    The number is m * 2**e, with a whole m of at most 53 bits, and part i of n is 2**e times
    floor((i + 1) * m / n) - floor(i * m / n).

    So every sum of some of the parts is a whole number of at most 53 bits times 2**e, which a double holds exactly.
    Of all such e the largest is taken with which parts differ by no more than a few millionths of a per cent. So the
    sums of many numbers' parts are exact, too, where the numbers have few digits: whole numbers up to some millions
    times their size.

    There are only two different parts: the second one wherever the `carry`, which is added for each part, reaches
    n. The first part is always the first one.
    """

    values: tuple[float | None, float | None]
    carry: int

    @classmethod
    def of(cls, number: float | None, count: int) -> "Parts":
        """The parts of a finite number; all None where there is no number."""
        if number is None:
            return cls((None, None), 0)
        top = frexp(number)[1]
        exponent = max(top - MANTISSA, LEAST_EXPONENT)
        whole = int(ldexp(number, -exponent))
        if whole:
            zeros = (whole & -whole).bit_length() - 1
            coarser = min(zeros, max(0, top - FINENESS - count.bit_length() - exponent))
            exponent, whole = exponent + coarser, whole >> coarser
        each, carry = divmod(whole, count)
        return cls((ldexp(each, exponent), ldexp(each + 1, exponent)), carry)


class Spreads(msgspec.Struct, frozen=True, gc=False):
    """The readings of a batch that stand for several, the minutes since 1970 of all of them, how many readings more
    they become than they are, and about how many bytes of memory they take."""

    items: tuple[Spread, ...] = ()
    minutes: frozenset[range] = frozenset()
    more: int = 0
    size: int = 0


class Spreading:
    """Collects the readings of a batch that stand for several."""

    def __init__(self, breaks: Breaks) -> None:
        self.size = 0
        """About how many bytes of memory they take."""
        self._breaks = breaks
        self._items: list[Spread] = []
        self._minutes: set[range] = set()
        self._more = 0
        self._runs: dict[tuple[int, int], tuple[range, ...]] = {}

    def runs(self, ts: int, minutes: int) -> tuple[range, ...]:
        """The minutes of a span that lie in no break, which many series may have in common. Raises Refusal where there
        are none."""
        if (found := self._runs.get((ts, minutes))) is None:
            found = self._runs[ts, minutes] = working_minutes(ts, minutes, self._breaks)
        return found

    def add(self, spread: Spread) -> None:
        self._items.append(spread)
        self._minutes.update(spread.minutes())
        self._more += spread.count - 1
        self.size += spread.size

    def finish(self) -> Spreads:
        return Spreads(tuple(self._items), frozenset(self._minutes), self._more, self.size)


def pieces(spreads: Iterable[Spread]) -> Iterator[bytes]:
    """The rows of all, in pieces that are made in about a millisecond each."""
    rows = chain.from_iterable(spread.rows() for spread in spreads)
    while piece := b"".join(islice(rows, PIECE)):
        yield piece
