"""`emitter replay`: real data out of a CSV file."""

from collections.abc import Iterator

import click
import structlog

from emitter.bulk import Parcel
from emitter.errors import BadRow, NotFinished
from emitter.readings import MAX_BATCH_BYTES, envelope
from emitter.table import Row, Table

SHOWN = 20
"""Bad rows that are shown; the others are only counted."""

log = structlog.get_logger()


class Replay:
    """A table as batches of at most `size` rows, weighed in bytes of the file.

    The id of a batch stands for its rows in the file, their place and the layout: the same file again is harmless. A
    bad row is left out but counts as one of its batch, so that mending it leaves all other batches as they were.
    `strict`: it is the end instead.
    """

    def __init__(self, table: Table, size: int, strict: bool) -> None:
        self.good = 0
        """Rows read."""
        self.bad = 0
        """Rows left out."""
        self._table = table
        self._size = size
        self._strict = strict
        self._start = 0

    def parcels(self) -> Iterator[Parcel]:
        """The batches. BadRow, when strict: the rows of its batch aren't sent, the batches before are."""
        rows: list[Row] = []
        count = size = 0
        for row in self._table.rows():
            count += 1
            if isinstance(row, BadRow):
                self._leave_out(row)
            else:
                rows.append(row)
                size += len(row.reading)
            if count == self._size or size >= MAX_BATCH_BYTES:
                yield self._close(rows)
                rows, count, size = [], 0, 0
        yield self._close(rows)

    def check(self) -> None:
        """Reads all of it and sends nothing. NotFinished: some rows are bad."""
        for _ in self.parcels():
            pass
        click.echo(f"{self.good:,} rows can be sent, {self.bad:,} are bad")
        if self.bad:
            raise NotFinished("Nothing was sent; without --dry-run the bad rows are left out.")

    def _close(self, rows: list[Row]) -> Parcel:
        batch_id, start, self._start = f"replay-{self._table.cut()}", self._start, self._table.position
        self.good += len(rows)
        batch = envelope(batch_id, [row.reading for row in rows]) if rows else None
        return Parcel(batch, self._table.position - start, rows[-1].moment if rows else None)

    def _leave_out(self, row: BadRow) -> None:
        if self._strict:
            raise row
        self.bad += 1
        if self.bad <= SHOWN:
            log.warning(str(row))
        elif self.bad == SHOWN + 1:
            log.warning("more bad rows are only counted")
