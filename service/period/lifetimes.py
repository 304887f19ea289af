"""How long readings and their rollups are kept, and which of these go together. Values only."""

from collections.abc import Mapping
from datetime import timedelta

import msgspec

REFRESHED = timedelta(days=30)
"""How far back TimescaleDB's own jobs refresh the rollups: see sql/schema/004_rollup.community.sql."""
SHORTEST = REFRESHED + timedelta(days=1)
"""The shortest time for which anything is kept. A refresh over what is gone would erase what was made of it."""
SOONEST = timedelta(hours=1)
"""The soonest that a chunk moves to the columnstore after its end."""
ORDER = ("readings", "minute", "quarter", "hour", "day")
"""What is kept: readings, and the rollups, each at least as long as the one before, of which it is made."""


class Lifetimes(msgspec.Struct, frozen=True):
    """How long readings are kept, and the rollups; None stands for ever."""

    readings: timedelta | None = None
    minute: timedelta | None = None
    quarter: timedelta | None = None
    hour: timedelta | None = None
    day: timedelta | None = None


FOR_EVER = Lifetimes()


def setting_of(kept: str) -> str:
    """The setting that says how long one of ORDER is kept."""
    return f"RETENTION_{kept.upper()}"


def check_lifetime(kept: str, value: timedelta, others: Mapping[str, timedelta | None]) -> None:
    """Raise ValueError where one of ORDER can't be kept for so long, given how long those before it are."""
    if value < SHORTEST:
        raise ValueError(
            f"{in_days(value)} is too short: the rollups are refreshed for the last {in_days(REFRESHED)}, and a "
            f"refresh over what is gone would erase them; write at least {in_days(SHORTEST)}"
        )
    place = ORDER.index(kept)
    if place == 0:
        return
    before = ORDER[place - 1]
    least = others.get(before, value)
    if least is None:
        raise ValueError(
            f"{in_days(value)} is shorter than for ever, which is how long {setting_of(before)} keeps what is shown in "
            f"more detail; set that one to at most {in_days(value)}"
        )
    if value < least:
        raise ValueError(
            f"{in_days(value)} is shorter than {setting_of(before)}, {in_days(least)}, which keeps what is shown in "
            f"more detail; write at least {in_days(least)}"
        )


def check_columnstore(after: timedelta, readings: timedelta | None) -> None:
    """Raise ValueError where chunks can't move to the columnstore so soon, or would be gone before."""
    if after < SOONEST:
        raise ValueError(f"{in_days(after)} is too soon, since late readings still come; write at least 1h")
    if readings is not None and after >= readings:
        raise ValueError(
            f"{in_days(after)} isn't shorter than RETENTION_READINGS, {in_days(readings)}, "
            "so that readings would be gone before they move to the columnstore; write less"
        )


def in_days(value: timedelta) -> str:
    """A duration as settings have it: `31d`, or `36h`, or `90s`."""
    seconds = value.total_seconds()
    size, unit = next(((size, unit) for size, unit in ((86400, "d"), (3600, "h")) if not seconds % size), (1, "s"))
    return f"{seconds / size:g}{unit}"
