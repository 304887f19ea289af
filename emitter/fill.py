"""`emitter fill`: test data out of a seeded profile."""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

import click
import msgspec

from emitter.bulk import BATCH, Bulk, Parcel
from emitter.log import configure
from emitter.options import bulk_options, check_duration, check_instant, check_series, make_link
from emitter.profiles import VERSION, Profile
from emitter.readings import Batch, encode, envelope
from emitter.settings import EmitterSettings
from emitter.times import show, to_milliseconds


class Span(msgspec.Struct, frozen=True):
    """The instants to fill: the multiples of `every` from `start` up to, not including, `end`, in milliseconds."""

    start: int
    end: int
    every: int

    def __len__(self) -> int:
        return max(0, -(-self.end // self.every) - -(-self.start // self.every))

    def slices(self, size: int) -> Iterator["Span"]:
        """Cut at every `size`-th instant since 1970, so that spans that overlap have most slices in common."""
        length = size * self.every
        edges = [self.start, *range((self.start // length + 1) * length, self.end, length), self.end]
        for start, end in pairwise(edges):
            yield Span(start, end, self.every)


@click.command("fill")
@bulk_options
@click.option(
    "--from",
    "start",
    metavar="TIME",
    callback=check_instant,
    help="First instant, such as -2h.  [default: two hours before --until]",
)
@click.option(
    "--until",
    "end",
    metavar="TIME",
    callback=check_instant,
    default="now",
    show_default=True,
    help="End, itself not filled.",
)
@click.option(
    "--series",
    multiple=True,
    callback=check_series,
    default=["sample"],
    show_default=True,
    help="Series to fill; repeatable.",
)
@click.option(
    "--every",
    metavar="DURATION",
    callback=check_duration,
    default="10s",
    show_default=True,
    help="Time between two readings.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Another seed, another history.")
@click.pass_context
def run_fill(
    ctx: click.Context,
    url: str | None,
    batch: int | None,
    wait: float,
    start: datetime | None,
    end: datetime,
    series: list[str],
    every: timedelta,
    seed: int,
) -> None:
    """Fill a range of time with believable test data.

    The same seed gives the same readings at the same instants; the same command with fixed times again writes
    nothing twice.
    """
    settings = EmitterSettings.load(emitter_url=url)
    configure(settings.log_level)
    start = start or end - timedelta(hours=2)
    span = Span(to_milliseconds(start), to_milliseconds(end), every // timedelta(milliseconds=1))
    if not len(span):
        raise click.UsageError(f"There is nothing to fill from {show(start)} until {show(end)}.", ctx)
    names, seconds = ", ".join(series), f"{every.total_seconds():g}"
    click.echo(f"Filling {names} from {show(start)} until {show(end)}, every {seconds} s, seed {seed}.", err=True)
    bulk = Bulk(fill(span, series, seed, batch or BATCH), make_link(settings, wait))
    bulk.run("fill", len(span) * len(series), settings.emitter_grace)


def fill(span: Span, series: Sequence[str], seed: int, size: int) -> Iterator[Parcel]:
    """The readings of all series in the order of time, at most `size` to a batch; weighed in instants."""
    profiles = [Profile(seed, name) for name in dict.fromkeys(series)]
    for part in span.slices(size):
        for profile in profiles:
            yield Parcel(_batch(profile, part), len(part))


def _batch(profile: Profile, part: Span) -> Batch | None:
    """What the profile has for this part; None in a break. The id tells it from every other part anybody fills."""
    encoded = [encode(reading) for reading in profile.between(part.start, part.end, part.every)]
    if not encoded:
        return None
    origin = msgspec.json.encode((VERSION, profile, part))
    return envelope(f"fill-{hashlib.sha256(origin).hexdigest()[:32]}", encoded)
