"""The defaults for parameters that an address doesn't have."""

import msgspec

from service.period.shifts import NO_SHIFTS, Shifts


class Defaults(msgspec.Struct, frozen=True):
    """`zone` is an IANA name, `time_format` is for the labels of a chart's axis, `per_page` counts records.
    `shifts` are those by which a period may be named."""

    zone: str
    time_format: str
    per_page: int
    shifts: Shifts = NO_SHIFTS
