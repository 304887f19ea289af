"""`emitter replace`: puts the readings of a CSV file in the place of those that a service has."""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

import click

from emitter.commands.log import configure
from emitter.commands.options import (
    check_delimiter,
    check_instant,
    check_patience,
    check_series,
    check_text,
    check_time_format,
    check_zone,
    make_link,
    url_option,
)
from emitter.commands.put import put
from emitter.commands.words import counted, readings
from emitter.data.cells import Layout
from emitter.data.revision import Revision, read_revision
from emitter.data.table import Table, opened
from emitter.errors import NotFinished
from emitter.producer import Link
from emitter.settings import EmitterSettings

NDJSON = {"Content-Type": "application/x-ndjson"}


EXAMPLES = """\b
Examples:
  emitter replace plan.csv --field plan
  emitter replace plan.csv --field plan --from 2026-11-24T06:00Z --until 2026-11-24T14:00Z --dry-run
  EMITTER_TOKEN_FILE=key emitter replace corrected.csv --series "line 1"
"""


@click.command("replace", epilog=EXAMPLES)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, readable=True, allow_dash=True))
@url_option
@click.option(
    "--field", type=click.Choice(["plan", "fact"]), help="Replace only the plan, or the fact; the rest stays."
)
@click.option("--series", multiple=True, callback=check_series, metavar="NAME", help="Only this series; repeatable.")
@click.option("--from", "start", callback=check_instant, metavar="TIME", help="Begin of what is replaced.")
@click.option("--until", "end", callback=check_instant, metavar="TIME", help="Its end, itself not included.")
@click.option("--ts", default="ts", show_default=True, metavar="COLUMN", help="Column that holds the time.")
@click.option("--plan", metavar="COLUMN", help="Column that holds the plan.  [default: plan, if there is one]")
@click.option("--fact", metavar="COLUMN", help="Column that holds the fact.  [default: fact, if there is one]")
@click.option("--series-column", metavar="COLUMN", help="Column that holds the series.  [default: series]")
@click.option(
    "--series-name", metavar="NAME", callback=check_text, help="Series of rows that name none.  [default: default]"
)
@click.option("--tz", "zone", metavar="ZONE", callback=check_zone, help="Time zone of times without an offset.")
@click.option(
    "--time-format", metavar="FORMAT", callback=check_time_format, help="How times are written, as in strptime."
)
@click.option(
    "--delimiter", default=",", show_default=True, callback=check_delimiter, help="Between two cells, or tab."
)
@click.option("--wait", callback=check_patience, default="30s", show_default=True, help="How long to keep trying.")
@click.option("--dry-run", is_flag=True, help="Say what would be replaced, without sending anything.")
def run_replace(
    file: str,
    url: str | None,
    field: str | None,
    series: Sequence[str],
    start: datetime | None,
    end: datetime | None,
    ts: str,
    plan: str | None,
    fact: str | None,
    series_column: str | None,
    series_name: str | None,
    zone: str | None,
    time_format: str | None,
    delimiter: str,
    wait: timedelta,
    dry_run: bool,
) -> None:
    """Put the readings in a CSV file in the place of those that are there, such as a plan that was revised.

    What is replaced is, of each series in FILE, the time from its first row to the end of its last one, or that of
    --from and --until. Each series is replaced at once or not at all; a row that can't be read stops it all before
    anything is sent. FILE may be - for standard input.
    """
    settings = EmitterSettings.load(emitter_url=url)
    configure(settings.log_level)
    layout = Layout(
        ts=ts,
        plan=plan,
        fact=fact,
        series=series_column,
        series_name=series_name,
        zone=zone,
        time_format=time_format,
        attributes=field is None,
        delimiter=delimiter,
    )
    with opened(file) as source:
        revision = read_revision(Table(source, layout), field, series)
    ends = (start or revision.start, end or revision.end)
    if ends[0] >= ends[1]:
        raise NotFinished("What is replaced would end before it begins: look at --from and --until.")
    if dry_run:
        _tell(revision, ends)
        return
    _send(make_link(settings, wait), revision, ends, field)


def _tell(revision: Revision, ends: tuple[datetime, datetime]) -> None:
    for name, lines in revision.lines.items():
        click.echo(f"{name}: {readings(len(lines))} from {_shown(ends[0])} until {_shown(ends[1])}")


def _send(link: Link, revision: Revision, ends: tuple[datetime, datetime], field: str | None) -> None:
    """Replace one series after the other. The id of each is new, so that a retry is harmless, and the same file can be
    loaded again after another one."""
    only = {} if field is None else {"field": field}
    for number, (name, lines) in enumerate(revision.lines.items()):
        parameters = {"series": name, "from": _shown(ends[0]), "until": _shown(ends[1]), **only}
        key = {"Idempotency-Key": f"replace-{uuid.uuid4().hex}"}
        try:
            done = put(link, "/readings", parameters, b"\n".join(lines), NDJSON | key)
        except NotFinished as exc:
            before = f" {counted(number, 'series was', 'series were')} replaced before." if number else ""
            raise NotFinished(f"{name}: {exc.detail.rstrip('.')}.{before}") from exc
        went = done.removed + done.changed
        click.echo(f"{name}: {readings(done.written)} in the place of {went:,}")


def _shown(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
