"""From when on readings and rollups are kept, and what that means for periods. Values only."""

from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec

from service.errors import bad_parameter
from service.period.earlier import Earlier
from service.period.steps import Period, Relation, in_coarser_steps, relation_of

ROLLUPS: tuple[Relation, ...] = ("minute", "quarter", "hour", "day")
"""The rollups, the finest first."""
IN_WORDS: dict[Relation, str] = {"minute": "minutes", "quarter": "quarters of an hour", "hour": "hours", "day": "days"}


class Kept(msgspec.Struct, frozen=True):
    """From when on readings are kept, and minutes, quarters of an hour, hours and days of them; each None where that is
    from the beginning. None of them is earlier than the next one."""

    readings: datetime | None = None
    minutes: datetime | None = None
    quarters: datetime | None = None
    hours: datetime | None = None
    days: datetime | None = None

    def since(self, rollup: Relation) -> datetime | None:
        """From when on a rollup is kept."""
        return (self.minutes, self.quarters, self.hours, self.days)[ROLLUPS.index(rollup)]

    def finest(self, moment: datetime) -> Relation:
        """The finest rollup that is kept from a moment on, or the coarsest one."""
        kept = (one for one in ROLLUPS if (since := self.since(one)) is None or since <= moment)
        return next(kept, ROLLUPS[-1])

    def has(self, edges: Sequence[datetime]) -> bool:
        """Whether a rollup is kept whose buckets fit between these edges."""
        return ROLLUPS.index(relation_of(edges)) >= ROLLUPS.index(self.finest(edges[0]))


ALL_KEPT = Kept()
Keeping = Callable[[], Kept]
"""Returns from when on readings and rollups are kept at the moment."""


class Coarser(msgspec.Struct, frozen=True):
    """Of what is before `before`, nothing finer than `rollup` is kept."""

    before: datetime
    rollup: Relation

    def in_words(self, at: str) -> str:
        """A clause, given the time as it is to be shown."""
        where = " (UTC)" if self.rollup == "day" else ""
        return f"before {at} kept as {IN_WORDS[self.rollup]}{where} only"


def in_kept_steps(period: Period, kept: Kept, agg: str, earlier: Earlier | None) -> Period:
    """The same period in its own step, or in the next longer one that can be made of what is kept; in that of UTC where
    only days are. The facts of an `earlier` time have to be kept in such steps, too. The increases of counters are made
    of minutes alone, and never in longer steps. BadRequest where there is none."""
    if kept.minutes is None or agg == "increase":
        return period

    def can_be_made(cut: Period) -> bool:
        return kept.has(cut.edges) and (earlier is None or kept.has(earlier.before(cut.edges, cut.zone)))

    made = in_coarser_steps(period, can_be_made)
    if made is None:
        raise not_kept(period.start, kept)
    return made


def coarser(kept: Kept, start: datetime) -> Coarser | None:
    """What is lacking from a moment on, at which a period begins; None where minutes are kept."""
    finest = kept.finest(start)
    place = ROLLUPS.index(finest)
    since = None if place == 0 else kept.since(ROLLUPS[place - 1])
    return None if since is None else Coarser(since, finest)


def check_kept(edges: Sequence[datetime], unit: Relation, kept: Kept) -> None:
    """BadRequest where buckets of this size aren't kept from the first of these edges on."""
    if ROLLUPS.index(unit) < ROLLUPS.index(kept.finest(edges[0])):
        raise not_kept(edges[0], kept)


def not_kept(start: datetime, kept: Kept) -> Exception:
    """The error for a period that can't be shown of what is kept."""
    found = coarser(kept, start)
    said = "isn't kept any more" if found is None else f"is {found.in_words(f'{found.before:%Y-%m-%dT%H:%M:%SZ}')}"
    return bad_parameter("from", f"what is asked for {said}; give a later one, or longer steps")
