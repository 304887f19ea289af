"""Believable plans and facts of working days. They depend on nothing but the arguments: no clock, no state, no
randomness.

Whatever looks random is a hash of the seed, the series and the time, so that a reading doesn't depend on which other
readings are generated. All hours are UTC.
"""

from collections.abc import Iterator
from hashlib import blake2b
from itertools import pairwise

import msgspec

from emitter.data.times import from_milliseconds
from emitter.producer.readings import Reading

VERSION = 1
"""Has to be raised with any change of the generated readings, because batch ids depend on it."""

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

DAY_CURVE = (
    *(80, 80, 75, 75, 75, 80),
    *(90, 100, 110, 115, 115, 110),
    *(100, 105, 110, 115, 115, 110),
    *(100, 95, 95, 90, 85, 85),
)
"""Percent of the usual output in each hour of the day."""
SHIFTS = (("early", 6, 100), ("late", 14, 90), ("night", 22, 60))
"""Name, first hour, percent of the crew."""
WEEKEND = {5: 70, 6: 50}
"""Percent of the crew on Saturday and Sunday."""
BREAKS = ((60, 10), (170, 30), (290, 10), (410, 10))
"""The begin of each break in minutes since the begin of a shift, and its length in minutes. There are no readings then,
and the chart has a gap."""
DIP_CHANCE = 0.3
"""The probability of a jam in half an hour."""


class Profile(msgspec.Struct, frozen=True):
    """Plan and fact of one series. The same seed and series always give the same readings, however time is divided."""

    seed: int
    series: str

    def between(self, start: int, end: int, every: int) -> Iterator[Reading]:
        """The readings at the multiples of `every` from `start` on and before `end`, all in milliseconds."""
        first = -(-start // every) * every
        for instant in range(first, end, every):
            if reading := self.at(instant):
                yield reading

    def at(self, instant: int) -> Reading | None:
        """The reading at `instant`, in milliseconds since 1970; None in a break."""
        shift, crew, into_shift = _shift(instant)
        if any(start <= into_shift - self._lateness(instant) < start + length for start, length in BREAKS):
            return None
        plan = self._plan(instant, crew)
        fact = plan * self._pace(instant) * self._jam(instant) + self._noise(instant) * plan * 0.06
        return Reading(
            ts=from_milliseconds(instant),
            series=self.series,
            plan=plan,
            fact=max(0, round(fact)),
            attributes={"shift": shift},
        )

    def _plan(self, instant: int, crew: int) -> int:
        """The plan, which changes with the hour and is a round number, as planners make it."""
        usual = 30 + 5 * int(5 * self._chance("usual"))
        weekday = (instant // DAY + 3) % 7  # 1 January 1970 was a Thursday
        percent = DAY_CURVE[instant // HOUR % 24] * crew * WEEKEND.get(weekday, 100)
        return max(5, 5 * round(usual * percent / 100**3 / 5))

    def _pace(self, instant: int) -> float:
        """The pace of the crew, which drifts between random values for each quarter of an hour."""
        slot, into = divmod(instant, 15 * MINUTE)
        before, after = (0.86 + 0.22 * self._chance("pace", number) for number in (slot, slot + 1))
        return before + (after - before) * into / (15 * MINUTE)

    def _jam(self, instant: int) -> float:
        """The share of output that is left by a jam of three to eight minutes; 1 without a jam."""
        slot, into = divmod(instant, 30 * MINUTE)
        if self._chance("jam", slot) >= DIP_CHANCE:
            return 1.0
        start = self._chance("jam start", slot) * 20 * MINUTE
        length = (3 + 5 * self._chance("jam length", slot)) * MINUTE
        return 0.25 + 0.35 * self._chance("jam depth", slot) if start <= into < start + length else 1.0

    def _noise(self, instant: int) -> float:
        """A nearly normal random number with mean 0 and deviation 1: the sum of four uniform ones."""
        digest = self._digest("noise", instant)
        parts = [int.from_bytes(digest[start:end]) / 2**16 for start, end in pairwise(range(0, 10, 2))]
        return (sum(parts) - 2) * 3**0.5

    def _lateness(self, instant: int) -> int:
        """The minutes by which the breaks of this series are later, so that not all lines break at the same minute."""
        return int(6 * self._chance("lateness", instant // DAY))

    def _chance(self, what: str, place: int = 0) -> float:
        """A number from 0 up to 1, which is the same on every machine."""
        return (int.from_bytes(self._digest(what, place)) >> 11) / 2**53

    def _digest(self, what: str, place: int) -> bytes:
        return blake2b(f"{self.seed}\x1f{self.series}\x1f{what}\x1f{place}".encode(), digest_size=8).digest()


def _shift(instant: int) -> tuple[str, int, int]:
    """The name of the shift, its crew in percent, and how many minutes it has been at work."""
    minute = (instant // MINUTE - SHIFTS[0][1] * 60) % (24 * 60)
    name, _, crew = SHIFTS[minute // 480]
    return name, crew, minute % 480
