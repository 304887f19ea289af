"""Which readings are meant, and a place among them. Values only."""

from datetime import UTC, datetime, timedelta

import msgspec

BEGINNING, END = datetime(2, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
"""All time, as far as it can be counted in days of any zone."""


class Selection(msgspec.Struct, frozen=True):
    """The readings from `start` up to, not including, `end`, of some series or of all."""

    start: datetime = BEGINNING
    end: datetime = END
    series: tuple[str, ...] | None = None


class Place(msgspec.Struct, frozen=True):
    """Where a reading stands in the one order of readings: by ts, and within an instant by id."""

    ts: datetime
    id: int


class Piece(msgspec.Struct, frozen=True):
    """A part of a period: whole days, hours or minutes, or less than a minute."""

    unit: str
    start: datetime
    end: datetime


UNITS = {"day": timedelta(days=1), "hour": timedelta(hours=1), "minute": timedelta(minutes=1)}
SMALLER = {"day": "hour", "hour": "minute"}


def pieces(start: datetime, end: datetime, unit: str = "day") -> list[Piece]:
    """A period cut into as many whole days as there are in it, and what is left around them into smaller units."""
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
