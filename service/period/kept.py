"""From when on readings and rollups are kept. Values only."""

from datetime import datetime

import msgspec


class Kept(msgspec.Struct, frozen=True):
    """From when on readings are kept, and minutes, quarters of an hour, hours and days of them; each None where that is
    from the beginning. None of them is earlier than the next one."""

    readings: datetime | None = None
    minutes: datetime | None = None
    quarters: datetime | None = None
    hours: datetime | None = None
    days: datetime | None = None


ALL_KEPT = Kept()
