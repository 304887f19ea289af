"""`emitter fill`: writes test data that is computed from a seed."""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

import click
import msgspec

from emitter.commands.bulk import BATCH, Bulk
from emitter.commands.log import configure
from emitter.commands.options import bulk_options, check_duration, check_instant, check_series, make_link
from emitter.commands.parcels import Parcel
from emitter.data.profiles import MINUTE, VERSION, Profile
from emitter.data.times import show, to_milliseconds
from emitter.producer.readings import Batch, encode, envelope
from emitter.settings import EmitterSettings


class Span(msgspec.Struct, frozen=True):
    """The times to fill, in milliseconds: the multiples of `every` from `start` on and before `end`."""

    start: int
    end: int
    every: int

    def __len__(self) -> int:
        return max(0, -(-self.end // self.every) - -(-self.start // self.every))

    def slices(self, length: int) -> Iterator["Span"]:
        """Parts of this span, cut at the multiples of `length` since 1970."""
        edges = [self.start, *range((self.start // length + 1) * length, self.end, length), self.end]
        for start, end in pairwise(edges):
            yield Span(start, end, self.every)


EXAMPLES = """\b
Examples:
  emitter fill                                 the last two hours of the series sample
  emitter fill --from -30d --series "line 1" --series "line 2" --every 1m
  emitter fill --from 2026-01-01T00:00:00Z --until 2026-02-01T00:00:00Z --seed 7
"""


@click.command("fill", epilog=EXAMPLES)
@bulk_options
@click.option(
    "--from",
    "start",
    metavar="TIME",
    callback=check_instant,
    help="Where to begin, such as -2h or 2026-01-31T14:00:00Z.  [default: two hours before --until]",
)
@click.option(
    "--until",
    "end",
    metavar="TIME",
    callback=check_instant,
    default="now",
    show_default=True,
    help="Where to end.",
)
@click.option(
    "--series",
    multiple=True,
    callback=check_series,
    default=["sample"],
    show_default=True,
    help="Series to fill; may be given several times.",
)
@click.option(
    "--every",
    metavar="DURATION",
    callback=check_duration,
    default="10s",
    show_default=True,
    help="Time between two readings.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Another seed makes other readings.")
@click.pass_context
def run_fill(
    ctx: click.Context,
    url: str | None,
    batch: int | None,
    wait: timedelta,
    start: datetime | None,
    end: datetime,
    series: list[str],
    every: timedelta,
    seed: int,
) -> None:
    """Fill a period with believable test data.

    The same seed gives the same readings at the same times. --from and --until are rounded down to whole minutes. Where
    periods overlap, no reading is written twice, as long as --seed, --every and --batch are the same and the service
    remembers what it was sent (BATCH_MEMORY).
    """
    settings = EmitterSettings.load(emitter_url=url)
    configure(settings.log_level)
    start, end = whole_minute(start or end - timedelta(hours=2)), whole_minute(end)
    span = Span(to_milliseconds(start), to_milliseconds(end), every // timedelta(milliseconds=1))
    if not len(span):
        raise click.UsageError(
            f"There is nothing to fill from {show(start)} until {show(end)} (times are rounded down to whole minutes).",
            ctx,
        )
    names, seconds = ", ".join(series), f"{every.total_seconds():g}"
    click.echo(f"Filling {names} from {show(start)} until {show(end)}, every {seconds} s, seed {seed}.", err=True)
    bulk = Bulk(fill(span, series, seed, batch or BATCH), make_link(settings, wait))
    bulk.run("fill", len(span) * len(series), settings.emitter_grace.total_seconds())


def whole_minute(moment: datetime) -> datetime:
    """The beginning of the minute of a time. With whole minutes as bounds, another run a moment later has the same
    bounds, or differs from this one by whole minutes."""
    return moment.replace(second=0, microsecond=0)


def fill(span: Span, series: Sequence[str], seed: int, size: int) -> Iterator[Parcel]:
    """The readings of all series in the order of time, with at most `size` in a batch. The weight of a parcel is its
    number of times.

    Parcels are cut at every `size`-th time since 1970, and incomplete parcels at minutes. So a reading always travels
    in the same parcel and piece, wherever a span of whole minutes begins and ends.
    """
    length = size * span.every
    profiles = [Profile(seed, name) for name in dict.fromkeys(series)]
    for part in span.slices(length):
        for profile in profiles:
            yield _parcel(profile, part, part.start // length * length, length)


def _parcel(profile: Profile, part: Span, start: int, length: int) -> Parcel:
    """The parcel that begins at `start` with the readings of `part`, which may be less than all of them. Its id is
    unique."""
    all_of_it = Span(start, start + length, part.every)
    encoded, parcel_id = _encoded(profile, part), _identify(profile, all_of_it)
    return Parcel(
        id=parcel_id,
        weight=len(part),
        readings=len(encoded),
        whole=envelope(parcel_id, encoded) if encoded and part == all_of_it else None,
        pieces=lambda: _pieces(profile, part),
    )


def _pieces(profile: Profile, part: Span) -> Iterator[Batch]:
    for minute in part.slices(MINUTE):
        if encoded := _encoded(profile, minute):
            yield envelope(_identify(profile, minute, "piece"), encoded)


def _encoded(profile: Profile, part: Span) -> list[bytes]:
    return [encode(reading) for reading in profile.between(part.start, part.end, part.every)]


def _identify(profile: Profile, part: Span, *more: str) -> str:
    origin = msgspec.json.encode((VERSION, profile, part, *more))
    return f"fill-{hashlib.sha256(origin).hexdigest()[:32]}"
