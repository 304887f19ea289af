"""From when on readings and rollups are kept, and what that means for periods. Values only."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

import msgspec

from service.errors import bad_parameter
from service.languages.language import Language
from service.languages.sentence import sentence, translatable
from service.period.earlier import Earlier
from service.period.selection import SeriesFilter
from service.period.steps import Instant, Period, Relation, in_coarser_steps, relation_of

ROLLUPS: tuple[Relation, ...] = ("minute", "quarter", "hour", "day")
"""The rollups, the finest first."""
_KEPT_AS: dict[Relation, str] = {
    "minute": translatable("before %(time)s kept as minutes only"),
    "quarter": translatable("before %(time)s kept as quarters of an hour only"),
    "hour": translatable("before %(time)s kept as hours only"),
    "day": translatable("before %(time)s kept as days (UTC) only"),
}


class Kept(msgspec.Struct, frozen=True):
    """From when on readings are kept, and minutes, quarters of an hour, hours and days of them; each None where that is
    from the beginning. None of them is earlier than the next one."""

    readings: Instant | None = None
    minutes: Instant | None = None
    quarters: Instant | None = None
    hours: Instant | None = None
    days: Instant | None = None

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
Keeping = Callable[[SeriesFilter], Kept]
"""Returns from when on readings and rollups of some series are kept at the moment."""


def common(several: Iterable[Kept]) -> Kept:
    """From when on all of them are kept."""
    found = list(several)
    names = Kept.__struct_fields__
    times = ([since for one in found if (since := getattr(one, name)) is not None] for name in names)
    return Kept(*(max(some, default=None) for some in times))


class Coarser(msgspec.Struct, frozen=True):
    """Of what is before `before`, nothing finer than `rollup` is kept."""

    before: datetime
    rollup: Relation


def kept_as(rollup: Relation, language: Language, time: str) -> str:
    """A clause that says as what readings are kept which were taken before a time, given as it is to be shown."""
    return language.gettext(_KEPT_AS[rollup], time=time)


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
    if found is None:
        return bad_parameter("from", sentence("what is asked for isn't kept any more; give a later one"))
    time = found.before.strftime("%Y-%m-%dT%H:%M:%SZ")
    clause = sentence(_KEPT_AS[found.rollup], time=time)
    text = sentence("what is asked for is %(kept)s; give a later one, or longer steps", kept=clause)
    return bad_parameter("from", text)
