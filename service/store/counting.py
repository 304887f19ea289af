"""Counts readings by the rollups, and finds the reading with a given number: by running totals over days, then over the
hours of that day, then over the minutes of that hour, and in a crowded minute by counting parts of it. So every page
costs the same, however far it is from the first and however fast readings come. The selections here name their series,
or select all."""

from datetime import UTC, datetime, timedelta

import msgspec

from service.period.selection import SMALLER, UNITS, Piece, Selection, pieces
from service.store.snapshot import Snapshot

CROWDED = 50_000
"""Readings that are sorted for a page at most, but for those on the page and those of one instant."""
_FIRST_SHARE, _NEXT_SHARE = 1 / 256, 4
"""A crowded minute is cut near where it begins in the order of the page, since the newest readings are asked for most,
and counting takes as long as there are readings. The first cut takes this share of it, each other one so many times
more, up to half."""
_INSTANT = timedelta(microseconds=1)


class Count(msgspec.Struct, frozen=True):
    """How many readings a selection has, and bounds within which the wanted readings lie, after `offset` others.

    The bounds are None where there is no reading with the wanted number.
    """

    total: int
    start: datetime | None = None
    end: datetime | None = None
    offset: int = 0


class _Bucket(msgspec.Struct, frozen=True):
    """A bucket in which a wanted reading lies, how many readings come before it, and how many are in it."""

    piece: Piece
    before: int
    readings: int


class _Found(msgspec.Struct, frozen=True):
    """The number of all readings, and the buckets in which the first and the last wanted reading lie."""

    total: int
    first: _Bucket | None
    last: _Bucket | None


async def count(snapshot: Snapshot, selection: Selection, first: int, last: int, *, down: bool) -> Count:
    """Find the readings numbered from `first` to `last`. Number 0 is the newest reading if `down`, otherwise the
    oldest."""
    found = await _over_pieces(snapshot, selection, first, last, down=down)
    last, names = min(last, found.total - 1), selection.series.names
    if found.first is None or found.last is None:
        return Count(found.total)
    near = await _closer(snapshot, names, found.first, first, down=down)
    far = near
    if last >= near.before + near.readings:
        far = found.last
        if far.readings > CROWDED:
            far = await _closer(snapshot, names, far, last, down=down)
    start, end = (far.piece.start, near.piece.end) if down else (near.piece.start, far.piece.end)
    return Count(found.total, start, end, first - near.before)


async def spread(snapshot: Snapshot, selection: Selection, first: int, last: int, *, down: bool) -> Count:
    """The total, and bounds that begin where the selection begins and include the reading numbered `last`."""
    found = await _over_pieces(snapshot, selection, first, last, down=down)
    far = found.last
    if far is None:
        return Count(found.total)
    if far.readings > CROWDED:
        far = await _closer(snapshot, selection.series.names, far, min(last, found.total - 1), down=down)
    if down:
        return Count(found.total, far.piece.start, selection.end)
    return Count(found.total, selection.start, far.piece.end)


async def _over_pieces(snapshot: Snapshot, selection: Selection, first: int, last: int, *, down: bool) -> _Found:
    ordered = pieces(selection.start, selection.end)
    total = 0
    near: _Bucket | None = None
    far: _Bucket | None = None
    for piece in reversed(ordered) if down else ordered:
        found = await _over(snapshot, piece, selection.series.names, first, last, total, down=down)
        near, far = found.first or near, found.last or far
        total = found.total
    return _Found(total, near, far)


async def _closer(
    snapshot: Snapshot, names: tuple[str, ...] | None, bucket: _Bucket, number: int, *, down: bool
) -> _Bucket:
    """The smallest bucket with the reading of this number, which is in `bucket`: a minute or, if that is crowded, a
    part of it."""
    while bucket.piece.unit in SMALLER:
        inside = Piece(SMALLER[bucket.piece.unit], bucket.piece.start, bucket.piece.end)
        found = await _over(snapshot, inside, names, number, number, bucket.before, down=down)
        if found.first is None:  # it can't be, since the snapshot is one state of the database; the larger one holds
            return bucket
        bucket = found.first
    cut, share = datetime.now(UTC), _FIRST_SHARE  # hardly any reading of the running minute comes later
    while bucket.readings > CROWDED:
        piece = bucket.piece
        if not piece.start < cut < piece.end:
            cut, share = _cut(piece, share, down=down), min(0.5, share * _NEXT_SHARE)
            if not piece.start < cut < piece.end:  # it is one instant
                return bucket
        older, newer = Piece("", piece.start, cut), Piece("", cut, piece.end)
        near, rest = (newer, older) if down else (older, newer)
        there = await _readings(snapshot, near, names)
        if number < bucket.before + there:
            bucket = _Bucket(near, bucket.before, there)
        else:
            bucket = _Bucket(rest, bucket.before + there, bucket.readings - there)
    return bucket


def _cut(piece: Piece, share: float, *, down: bool) -> datetime:
    """The time at which a share of a part of a minute has passed, in the order of the page."""
    taken = max(_INSTANT, (piece.end - piece.start) * share)
    return piece.end - taken if down else piece.start + taken


async def _over(
    snapshot: Snapshot,
    piece: Piece,
    names: tuple[str, ...] | None,
    first: int,
    last: int,
    before: int,
    *,
    down: bool,
) -> _Found:
    """How many readings there are up to the end of a piece, `before` which there are so many, and the buckets in it."""
    if not piece.unit:
        readings = await _readings(snapshot, piece, names)
        bucket = _Bucket(piece, before, readings)
        has_first = before <= first < before + readings
        has_last = before <= last and readings > 0
        return _Found(before + readings, bucket if has_first else None, bucket if has_last else None)
    asked = (piece.start, piece.end, names, first - before, last - before, down, snapshot.upto)
    [row] = await snapshot.read("spread", *asked, size=piece.unit)
    first_bucket, last_bucket = _bucket(piece.unit, before, *row[1:4]), _bucket(piece.unit, before, *row[4:7])
    return _Found(before + row["total"], first_bucket, last_bucket)


def _bucket(unit: str, before: int, start: datetime | None, passed: int, readings: int) -> _Bucket | None:
    """A bucket as the database says it, where `passed` readings of its piece come before it; None where it has none."""
    if start is None:
        return None
    return _Bucket(Piece(unit, start, start + UNITS[unit]), before + passed, readings)


async def _readings(snapshot: Snapshot, piece: Piece, names: tuple[str, ...] | None) -> int:
    [[readings]] = await snapshot.read("count_between", piece.start, piece.end, names)
    return int(readings)
