"""What a board shows. Values only."""

from datetime import datetime

import msgspec

from service.period.bucket import Note
from service.period.selection import ALL_SERIES, SeriesFilter
from service.period.standing import Standing
from service.period.steps import Period

MAX_SECTIONS = 100
"""The most series with a section, or a tile on the wall, of their own."""


class BoardQuestion(msgspec.Struct, frozen=True):
    """What a board is to show: of all the series together or, if `split`, of each. If `trimmed`, the rows before the
    first and after the last one with a plan or a fact are left out. The newest facts are those of the period or, with
    `facts_since`, of that time as well, which may be before it."""

    period: Period
    series: SeriesFilter = ALL_SERIES
    split: bool = False
    trimmed: bool = False
    facts_since: datetime | None = None


class Row(msgspec.Struct, frozen=True):
    """A step of the board. `due` is the plan of its minutes that are over, and `difference` the fact of these less
    that; `needed_an_hour` is what was needed from its end on, or is from now on. None is what isn't known, or not
    yet."""

    start: datetime
    end: datetime
    plan: float | None
    due: float | None
    fact: float | None
    difference: float | None
    plan_total: float
    fact_total: float | None
    ahead: float | None
    attained: float | None
    needed_an_hour: float | None
    is_running: bool
    is_to_come: bool
    notes: tuple[Note, ...]


class Section(msgspec.Struct, frozen=True):
    """The rows of the series `name`, or without a name of all the series together, or of so many `others`; where they
    stand; and the end of the minute of the newest fact."""

    name: str | None
    others: int | None
    rows: tuple[Row, ...]
    standing: Standing
    newest: datetime | None


class Board(msgspec.Struct, frozen=True):
    """All that a board shows, as of `due`, the beginning of the running minute or the end of the period. Of several
    sites, `away` names those of which nothing is known at the moment."""

    period: Period
    due: datetime
    sections: tuple[Section, ...]
    away: tuple[str, ...] = ()
