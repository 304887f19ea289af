"""The defaults for parameters that an address doesn't have."""

import msgspec


class Defaults(msgspec.Struct, frozen=True):
    """`zone` is an IANA name, `time_format` is for the labels of a chart's axis, `per_page` counts records; `labels`
    are what plan and fact are called, and `unit` is what they count."""

    zone: str
    time_format: str
    per_page: int
    labels: tuple[str, str]
    unit: str
