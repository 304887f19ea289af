"""The numbers of a chart: buckets of plan and fact over a period. Values only."""

from datetime import datetime

import msgspec


class Bucket(msgspec.Struct, frozen=True, gc=False):
    """The aggregated readings of the step that begins at `bucket`; `plan` and `fact` are None where no reading of the
    step has one."""

    bucket: datetime
    plan: float | None
    fact: float | None
    readings: int


class Panel(msgspec.Struct, frozen=True):
    """The buckets that have readings, in order: of the series `name`, or without a name those of all the series
    together, or of so many `others`."""

    name: str | None
    others: int | None
    buckets: tuple[Bucket, ...]


class Numbers(msgspec.Struct, frozen=True):
    """All the numbers that a chart shows, in one panel or several. `until` is the end of the minute of the newest
    fact."""

    panels: tuple[Panel, ...]
    until: datetime | None
