"""The defaults for parameters that an address doesn't have."""

import msgspec


class Defaults(msgspec.Struct, frozen=True):
    """`zone` is an IANA name, `time_format` is for the labels of a chart's axis, `per_page` counts records."""

    zone: str
    time_format: str
    per_page: int
