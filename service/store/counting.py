"""Counts readings by the rollups, and finds the reading with a given number: by running totals over days, then over the
hours of that day, then over the minutes of that hour. So every page costs the same, however far it is from the
first. The selections here name their series, or select all."""

from datetime import datetime

import msgspec

from service.period.selection import SMALLER, UNITS, Piece, Selection, pieces
from service.store.pool import Snapshot


class Count(msgspec.Struct, frozen=True):
    """How many readings a selection has, and bounds within which the wanted readings lie, after `offset` others.

    The bounds are None where there is no reading with the wanted number.
    """

    total: int
    start: datetime | None = None
    end: datetime | None = None
    offset: int = 0


class _Found(msgspec.Struct, frozen=True):
    """The bucket in which the first wanted reading lies, how many readings come before that bucket, and the bucket in
    which the last one lies."""

    total: int
    first: Piece | None
    before: int
    last: Piece | None


async def count(snapshot: Snapshot, selection: Selection, first: int, last: int, *, down: bool) -> Count:
    """Find the readings numbered from `first` to `last`. Number 0 is the newest reading if `down`, otherwise the
    oldest."""
    found = await _over_pieces(snapshot, selection, first, last, down=down)
    total, bucket, before, far = found.total, found.first, found.before, found.last
    while bucket is not None and bucket.unit in SMALLER:
        inside = Piece(SMALLER[bucket.unit], bucket.start, bucket.end)
        found = await _over(snapshot, inside, selection.series.names, first - before, last - before, down=down)
        # the last wanted reading lies in this bucket as well; otherwise a larger bucket has been found for it
        if last - before < found.total:
            far = found.last
        bucket, before = found.first, before + found.before
    if bucket is None or far is None:
        return Count(total)
    start, end = (far.start, bucket.end) if down else (bucket.start, far.end)
    return Count(total, start, end, first - before)


async def spread(snapshot: Snapshot, selection: Selection, first: int, last: int, *, down: bool) -> Count:
    """The total, and bounds that begin where the selection begins and include the reading numbered `last`."""
    found = await _over_pieces(snapshot, selection, first, last, down=down)
    if found.last is None:
        return Count(found.total)
    if down:
        return Count(found.total, found.last.start, selection.end)
    return Count(found.total, selection.start, found.last.end)


async def _over_pieces(snapshot: Snapshot, selection: Selection, first: int, last: int, *, down: bool) -> _Found:
    ordered = pieces(selection.start, selection.end)
    total, before = 0, 0
    bucket: Piece | None = None
    far: Piece | None = None
    for piece in reversed(ordered) if down else ordered:
        found = await _over(snapshot, piece, selection.series.names, first - total, last - total, down=down)
        if found.first is not None:
            bucket, before = found.first, total + found.before
        far = found.last or far
        total += found.total
    return _Found(total, bucket, before, far)


async def _over(
    snapshot: Snapshot, piece: Piece, names: tuple[str, ...] | None, first: int, last: int, *, down: bool
) -> _Found:
    asked = (piece.start, piece.end, names, first, last, down)
    if piece.unit:
        [row] = await snapshot.read("spread", *asked, snapshot.upto, size=piece.unit, together=names is None)
    else:
        [row] = await snapshot.read("spread_within_minute", *asked)
    return _Found(row["total"], _bucket(piece, row["bucket"]), row["before"], _bucket(piece, row["last_bucket"]))


def _bucket(piece: Piece, start: datetime | None) -> Piece | None:
    if start is None:
        return None
    return Piece(piece.unit, start, start + UNITS[piece.unit]) if piece.unit else piece
