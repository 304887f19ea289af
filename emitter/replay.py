"""`emitter replay`: real data out of a CSV file."""

from collections.abc import Iterator
from typing import Any

import click
import structlog

from emitter.bulk import BATCH, Bulk, Pace, Parcel
from emitter.cells import Layout
from emitter.errors import BadRow, NotFinished
from emitter.log import configure
from emitter.options import bulk_options, check_delimiter, check_time_format, check_zone, make_link
from emitter.readings import MAX_BATCH_BYTES, envelope
from emitter.settings import EmitterSettings
from emitter.table import Row, Table, name_of, opened, size_of

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


@click.command("replay")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, readable=True, allow_dash=True))
@bulk_options
@click.option("--ts", default="ts", show_default=True, metavar="COLUMN", help="Column with the time.")
@click.option("--plan", metavar="COLUMN", help="Column with the plan.  [default: plan, if there is one]")
@click.option("--fact", metavar="COLUMN", help="Column with the fact.  [default: fact, if there is one]")
@click.option("--series", metavar="COLUMN", help="Column with the series.  [default: series, if there is one]")
@click.option("--series-name", metavar="NAME", help="Series of a file, or of rows, that name none.  [default: default]")
@click.option("--tz", "zone", metavar="ZONE", callback=check_zone, help="Zone of times that say none: Europe/Berlin.")
@click.option(
    "--time-format",
    metavar="FORMAT",
    callback=check_time_format,
    help="As in strptime.  [default: ISO 8601, or seconds or milliseconds since 1970]",
)
@click.option("--delimiter", default=",", show_default=True, callback=check_delimiter, help="One character, or `tab`.")
@click.option("--attributes/--no-attributes", default=True, show_default=True, help="Keep the other columns.")
@click.option(
    "--speed",
    type=click.FloatRange(min=0, min_open=True),
    help="60: as it happened, but 60 times as fast, a reading to a batch.  [default: as fast as it goes]",
)
@click.option("--strict", is_flag=True, help="Stop at the first bad row instead of leaving it out.")
@click.option("--dry-run", is_flag=True, help="Read the file, say what is wrong with it, send nothing.")
def run_replay(
    file: str,
    url: str | None,
    batch: int | None,
    wait: float,
    speed: float | None,
    strict: bool,
    dry_run: bool,
    **layout: Any,
) -> None:
    """Send the readings in a CSV file with a header row; - is standard input.

    The same file again writes nothing twice, as long as columns, times and --batch are read in the same way. A file
    that has grown writes what is new, except that the last batch of the time before is no longer the same one.
    """
    settings = EmitterSettings.load(emitter_url=url)
    configure(settings.log_level)
    with opened(file) as source:
        replay = Replay(Table(source, Layout(**layout)), batch or (1 if speed else BATCH), strict)
        if dry_run:
            replay.check()
            return
        pace = Pace(speed) if speed else None
        bulk = Bulk(replay.parcels(), make_link(settings, wait), pace, lambda: f", {replay.bad:,} bad rows left out")
        bulk.run(f"replay {name_of(file)}", size_of(source), settings.emitter_grace)
        if replay.bad and not replay.good:
            raise NotFinished("Nothing was sent: no row can be read as a reading.")
