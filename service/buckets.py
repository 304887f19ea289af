"""What a chart is made of: buckets of plan and fact over a period. Values only."""

from datetime import datetime

import msgspec


class Bucket(msgspec.Struct, frozen=True, gc=False):
    """One step of the period that begins at `bucket`; `plan` and `fact` are None where no reading had one."""

    bucket: datetime
    plan: float | None
    fact: float | None
    readings: int
