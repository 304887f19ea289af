"""`emitter replay`: sends the readings of a CSV file."""

import hashlib
import itertools
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import click
import structlog

from emitter.commands.bulk import BATCH, Bulk, Pace
from emitter.commands.log import configure
from emitter.commands.options import bulk_options, check_delimiter, check_text, check_time_format, check_zone, make_link
from emitter.commands.parcels import Parcel
from emitter.commands.words import counted
from emitter.data.cells import Layout
from emitter.data.table import Row, Table, name_of, opened, size_of
from emitter.errors import BadRow, NotFinished
from emitter.producer.readings import MAX_BATCH_BYTES, Batch, envelope
from emitter.settings import EmitterSettings

SHOWN = 20
"""The most bad rows that are shown; further ones are only counted."""

log = structlog.get_logger()


class Replay:
    """Makes parcels of at most `size` rows out of a table. The weight of a parcel is its bytes in the file.

    The id of a parcel depends on its place in the file, its first row and the layout. A piece is a single row, and its
    id depends on that row as well. A bad row is left out, but counts as a row of its parcel, which is then sent row by
    row; the incomplete parcel at the end of a file is sent row by row as well. So a file that has grown, or whose bad
    rows were corrected, only writes what is new. With `strict`, a bad row ends the replay instead.
    """

    def __init__(self, table: Table, size: int, strict: bool) -> None:
        self.good = 0
        """The number of good rows so far."""
        self.bad = 0
        """The number of bad rows so far."""
        self._table = table
        self._size = size
        self._strict = strict
        self._start = 0
        self._head = table.mark

    def parcels(self) -> Iterator[Parcel]:
        """The parcels. With `strict`, raises BadRow at the first bad row: its parcel isn't sent, the parcels before it
        are."""
        for number in itertools.count():
            part = _Part(hashlib.sha256(self._head + b"%d" % number))
            for row in self._table.rows():
                part.add(row, self._table.mark)
                if isinstance(row, BadRow):
                    self._leave_out(row)
                if part.count == self._size or part.bytes >= MAX_BATCH_BYTES:
                    break
            else:
                yield self._close(part, whole=False)
                return
            yield self._close(part, whole=part.count == len(part.rows))

    def check(self) -> None:
        """Reads the whole table and sends nothing. Raises NotFinished where rows are bad."""
        for _ in self.parcels():
            pass
        click.echo(f"{counted(self.good, 'row', 'rows')} can be sent, {counted(self.bad, 'is', 'are')} bad")
        if self.bad:
            raise NotFinished("Some rows are bad. Nothing was sent; without --dry-run, the good rows are.")

    def _close(self, part: "_Part", *, whole: bool) -> Parcel:
        start, self._start = self._start, self._table.position
        self.good += len(part.rows)
        return Parcel(
            id=part.id,
            weight=self._table.position - start,
            readings=len(part.rows),
            whole=envelope(part.id, [row.reading for row in part.rows]) if whole else None,
            pieces=part.pieces,
            last=part.rows[-1].moment if part.rows else None,
        )

    def _leave_out(self, row: BadRow) -> None:
        if self._strict:
            raise row
        self.bad += 1
        if self.bad <= SHOWN:
            log.warning(str(row))
        elif self.bad == SHOWN + 1:
            log.warning("there are more bad rows, which are only counted")


class _Part:
    """The rows of a parcel, while it is read."""

    def __init__(self, origin: "hashlib._Hash") -> None:
        self.rows: list[Row] = []
        self.count = self.bytes = 0
        """The number of rows, including bad ones; and the bytes of the readings."""
        self._origin = origin
        self._marks: list[bytes] = []

    @property
    def id(self) -> str:
        return f"replay-{self._origin.hexdigest()[:32]}"

    def add(self, row: Row | BadRow, mark: bytes) -> None:
        if not self.count:
            self._origin.update(mark)
        self.count += 1
        if isinstance(row, Row):
            self.rows.append(row)
            self._marks.append(mark)
            self.bytes += len(row.reading)

    def pieces(self) -> Iterator[Batch]:
        """A batch for each row. Identical rows get different ids by their number."""
        alike: Counter[bytes] = Counter()
        for row, mark in zip(self.rows, self._marks, strict=True):
            alike[mark] += 1
            origin = self._origin.copy()
            origin.update(mark + b"%d" % alike[mark])
            yield envelope(f"replay-{origin.hexdigest()[:32]}", [row.reading])


EXAMPLES = """\b
Examples:
  emitter replay readings.csv
  emitter replay old.csv --ts time --plan target --fact done --tz Europe/Berlin --dry-run
  emitter replay export.csv --delimiter ";" --time-format "%d.%m.%Y %H:%M" --tz Europe/Berlin
  zcat day.csv.gz | emitter replay - --speed 60
"""


@click.command("replay", epilog=EXAMPLES)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, readable=True, allow_dash=True))
@bulk_options
@click.option("--ts", default="ts", show_default=True, metavar="COLUMN", help="Column that holds the time.")
@click.option("--plan", metavar="COLUMN", help="Column that holds the plan.  [default: plan, if there is one]")
@click.option("--fact", metavar="COLUMN", help="Column that holds the fact.  [default: fact, if there is one]")
@click.option("--series", metavar="COLUMN", help="Column that holds the series.  [default: series, if there is one]")
@click.option(
    "--series-name", metavar="NAME", callback=check_text, help="Series of rows that name none.  [default: default]"
)
@click.option(
    "--tz",
    "zone",
    metavar="ZONE",
    callback=check_zone,
    help="Time zone of times without an offset, such as Europe/Berlin.",
)
@click.option(
    "--time-format",
    metavar="FORMAT",
    callback=check_time_format,
    help="How times are written, as in strptime.  [default: ISO 8601, or seconds or milliseconds since 1970]",
)
@click.option(
    "--delimiter",
    default=",",
    show_default=True,
    callback=check_delimiter,
    help="Character between two cells, or the word tab.",
)
@click.option(
    "--attributes/--no-attributes",
    default=True,
    show_default=True,
    help="Keep the other columns as attributes, or leave them out.",
)
@click.option(
    "--speed",
    type=click.FloatRange(min=0, min_open=True),
    help="In real time, this many times as fast, one reading to a batch.  [default: as fast as possible]",
)
@click.option("--strict", is_flag=True, help="Stop at the first bad row instead of leaving it out.")
@click.option("--dry-run", is_flag=True, help="Read the file and report its bad rows, without sending anything.")
def run_replay(
    file: str,
    url: str | None,
    batch: int | None,
    wait: timedelta,
    speed: float | None,
    strict: bool,
    dry_run: bool,
    **layout: Any,
) -> None:
    """Send the readings in a CSV file with a header row.

    FILE may be - for standard input. The same file again writes nothing twice, and a file that has grown, or whose bad
    rows were corrected, writes only what is new, as long as the options are the same and the service remembers what it
    was sent (BATCH_MEMORY). A batch in which other rows were changed is refused.
    """
    settings = EmitterSettings.load(emitter_url=url)
    configure(settings.log_level)
    with opened(file) as source:
        replay = Replay(Table(source, Layout(**layout)), batch or (1 if speed else BATCH), strict)
        if dry_run:
            replay.check()
            return
        pace = Pace(speed) if speed else None
        bulk = Bulk(
            replay.parcels(),
            make_link(settings, wait),
            pace,
            lambda: f", {counted(replay.bad, 'bad row', 'bad rows')} left out",
        )
        bulk.run(f"replay {name_of(file)}", size_of(source), settings.emitter_grace.total_seconds())
        if replay.bad and not replay.good:
            raise NotFinished("Nothing was sent: no row can be read as a reading.")
