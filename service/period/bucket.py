"""What a chart is made of: buckets of plan and fact over a period. Values only."""

from datetime import datetime

import msgspec


class Bucket(msgspec.Struct, frozen=True, gc=False):
    """One step of the period that begins at `bucket`; `plan` and `fact` are None where no reading had one."""

    bucket: datetime
    plan: float | None
    fact: float | None
    readings: int


class Panel(msgspec.Struct, frozen=True):
    """The buckets with readings, in order, of the series `name`; without a name, of all or of `others` series."""

    name: str | None
    others: int | None
    buckets: tuple[Bucket, ...]


class Numbers(msgspec.Struct, frozen=True):
    """All that a chart shows, one panel or several, and up to where there are facts, to the minute."""

    panels: tuple[Panel, ...]
    until: datetime | None
