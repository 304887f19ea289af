"""Selections of readings by time and series, and places in their order. Values only."""

from datetime import UTC, datetime, timedelta

import msgspec

BEGINNING, END = datetime(2, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
"""The bounds of all time. They keep a distance from those of `datetime`, beyond which the clock of some zone would
lie."""


class SeriesFilter(msgspec.Struct, frozen=True):
    """Which series are shown: those in `names`, or all where that is None. Of these a caller may only see such as match
    one of `patterns`, in which `*` stands for any text; where that is None, every series.

    Names that a caller may not see are refused before a filter is made of them.
    """

    names: tuple[str, ...] | None = None
    patterns: tuple[str, ...] | None = None


ALL_SERIES = SeriesFilter()


class Selection(msgspec.Struct, frozen=True):
    """The readings from `start` up to but not including `end`, of some series."""

    start: datetime = BEGINNING
    end: datetime = END
    series: SeriesFilter = ALL_SERIES


class Place(msgspec.Struct, frozen=True):
    """The place of a reading in the order of all readings, which is by ts and, where that is the same, by id."""

    ts: datetime
    id: int


class Piece(msgspec.Struct, frozen=True):
    """A part of a period: a number of whole days, hours or minutes, or, where `unit` is empty, less than a minute."""

    unit: str
    start: datetime
    end: datetime


UNITS = {"day": timedelta(days=1), "hour": timedelta(hours=1), "minute": timedelta(minutes=1)}
SMALLER = {"day": "hour", "hour": "minute"}


def pieces(start: datetime, end: datetime, unit: str = "day") -> list[Piece]:
    """A period cut into all the whole days (UTC) in it, and what is left around them into smaller units."""
    if start >= end:
        return []
    if unit == "":
        return [Piece("", start, end)]
    smaller = SMALLER.get(unit, "")
    first, last = _edge_after(start, UNITS[unit]), _edge_before(end, UNITS[unit])
    if first > last:
        return pieces(start, end, smaller)
    whole = [Piece(unit, first, last)] if first < last else []
    return [*pieces(start, first, smaller), *whole, *pieces(last, end, smaller)]


def _edge_before(moment: datetime, unit: timedelta) -> datetime:
    return moment - (moment - BEGINNING) % unit


def _edge_after(moment: datetime, unit: timedelta) -> datetime:
    return moment + (BEGINNING - moment) % unit
