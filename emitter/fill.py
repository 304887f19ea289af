"""`emitter fill`: test data out of a seeded profile."""

import hashlib
from collections.abc import Iterator, Sequence
from itertools import pairwise

import msgspec

from emitter.bulk import Parcel
from emitter.profiles import VERSION, Profile
from emitter.readings import Batch, encode, envelope


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
