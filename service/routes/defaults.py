"""The defaults for parameters that an address doesn't have."""

import msgspec

from service.intake.reading import MAX_NAME
from service.period.shifts import NO_SHIFTS, Shifts


class Defaults(msgspec.Struct, frozen=True):
    """`zone` is an IANA name, `time_format` is for the labels of a chart's axis, `per_page` counts records; `labels`
    are what plan and fact are called, where an empty one is left to the language, and `unit` is what they count.
    `shifts` are those by which a period may be named, and `language` is empty where browsers decide. `longest_name`
    counts the characters that the name of a series may have."""

    zone: str
    time_format: str
    per_page: int
    labels: tuple[str, str]
    unit: str
    shifts: Shifts = NO_SHIFTS
    language: str = ""
    longest_name: int = MAX_NAME
