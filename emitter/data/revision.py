"""A revised table, to be put in the place of what a service has: its readings by series, and their range."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from emitter.data.table import Table
from emitter.errors import BadRow, BadTable
from emitter.quantities import parse_duration

MINUTE = timedelta(minutes=1)
SHOWN = 20
"""The most bad rows that an error names."""
_decode = msgspec.json.Decoder(dict[str, Any]).decode
_encode = msgspec.json.Encoder().encode


class Revision(msgspec.Struct, frozen=True):
    """The readings of each series as lines of JSON, and the range of all of them, in UTC: from the first time to the
    end of the last minute."""

    lines: dict[str, list[bytes]]
    start: datetime
    end: datetime

    @property
    def count(self) -> int:
        """How many readings there are."""
        return sum(map(len, self.lines.values()))


def read_revision(table: Table, field: str | None, only: Sequence[str] = ()) -> Revision:
    """The revision in a table, of all its series or only of some; with a field, plan or fact, its readings hold only
    that. Raises BadTable where a row can't be used, since there would be nothing in its place; where there is no row;
    and where one of the series has none."""
    lines: dict[str, list[bytes]] = {}
    starts: list[datetime] = []
    ends: list[datetime] = []
    for moment, reading in _readings(table, field):
        if not only or reading["series"] in only:
            lines.setdefault(reading["series"], []).append(_encode(reading))
            starts.append(moment)
            ends.append(_end(moment, reading.get("for")))
    if missing := [name for name in only if name not in lines]:
        raise BadTable(f"it has no row of the series {missing[0]!r}; to take its readings away, send DELETE /readings")
    if not lines:
        raise BadTable("it has no rows")
    return Revision(lines, min(starts), max(ends))


def _readings(table: Table, field: str | None) -> Iterator[tuple[datetime, dict[str, Any]]]:
    bad: list[BadRow] = []
    for row in table.rows():
        if isinstance(row, BadRow):
            bad.append(row)
            continue
        reading = _decode(row.reading)
        if field is not None:
            reading = {name: reading[name] for name in ("ts", "series", field, "for") if name in reading}
            if field not in reading:
                continue  # an empty cell: nothing is planned there
        yield row.moment, reading
    if bad:
        shown = "\n".join(str(row) for row in bad[:SHOWN])
        raise BadTable(f"nothing was sent, since {len(bad)} of its rows can't be used:\n{shown}")


def _end(moment: datetime, span: object) -> datetime:
    """The end of the last minute of a reading."""
    lasts = MINUTE
    if span is not None:
        try:
            lasts = max(MINUTE, parse_duration(str(span)))
        except ValueError as exc:
            raise BadTable(f"for={span!r} is no duration") from exc
    last = moment + lasts - MINUTE
    return last.astimezone(UTC).replace(second=0, microsecond=0) + MINUTE
