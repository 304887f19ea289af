"""What the packer is given nearly always: readings that a decoder has typed, and the names of their series."""

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import Annotated, ClassVar

import msgspec

from service.errors import Refusal
from service.intake.copy_rows import plain_packer, text_field
from service.intake.reading import DEFAULT_SERIES, MAX_NAME, MAX_VALUE
from service.intake.timestamps import MINUTE

Known = tuple[Callable[..., bytes], bytes]
"""The function that packs the rows of a series, and the series name as a column of these rows."""


class Plain(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A reading without attributes as a decoder makes it: its types are right, but nothing else is checked."""

    attributes: ClassVar[None] = None

    ts: Annotated[datetime, msgspec.Meta(tz=True)] | float | None = None
    series: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_NAME)] | None = None
    plan: float | None = None
    fact: float | None = None


def broken() -> Refusal:
    """A new exception each time, since an exception keeps a reference to every frame that it has passed."""
    return Refusal("", "breaks a rule")


def minutes_between(first: int, last: int, stamps: list[int]) -> set[int]:
    """The minutes since 1970 in which there are readings; mostly one or two."""
    lowest, highest = first // MINUTE, last // MINUTE
    if highest - lowest <= 1:
        return {lowest, highest}
    return {ts // MINUTE for ts in stamps}


@lru_cache(maxsize=4096)
def known(name: str | None) -> Known:
    """See Packer.known(). Kept, since producers send the same few series all the time; a name that breaks a rule
    isn't, however long it is."""
    series = (name or DEFAULT_SERIES).encode()
    if 0 in series or len(name or "x") > MAX_NAME:
        raise broken()
    return plain_packer(len(series)), text_field(series)


def fits(value: float | None) -> bool:
    return value is None or -MAX_VALUE <= value <= MAX_VALUE
