"""The templates in `web/`, and how numbers, times and attributes read in them."""

from datetime import datetime, tzinfo

import jinja2
import msgspec

from service.assets import WEB


def templates() -> jinja2.Environment:
    """The environment that every page is rendered with; everything is escaped."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(WEB),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {one.__name__: one for one in (number, moment, day, clock, offset, keys, pretty)}
    return environment


def number(value: float, *, sign: bool = False) -> str:
    """At most six decimals, thousands apart, a true minus."""
    text = f"{value:,.6f}".rstrip("0").rstrip(".") if abs(value) < 1e15 else f"{value:.6g}"
    text = "0" if text == "-0" else text.replace("-", "−")
    return f"+{text}" if sign and value > 0 else text


def moment(ts: datetime, zone: tzinfo) -> str:
    """Date and time of the zone's clock."""
    return f"{ts.astimezone(zone):%Y-%m-%d %H:%M:%S}"


def day(ts: datetime, zone: tzinfo) -> str:
    """The zone's date."""
    return f"{ts.astimezone(zone):%Y-%m-%d}"


def clock(ts: datetime, zone: tzinfo) -> str:
    """Hour and minute of the zone's clock."""
    return f"{ts.astimezone(zone):%H:%M}"


def offset(ts: datetime, zone: tzinfo) -> str:
    """How far the zone's clock is ahead of UTC then, as +hh:mm."""
    text = f"{ts.astimezone(zone):%z}"
    return f"{text[:3]}:{text[3:5]}"


def keys(attributes: msgspec.Raw) -> str:
    """The names of the attributes."""
    return ", ".join(msgspec.json.decode(attributes, type=dict[str, msgspec.Raw]))


def pretty(attributes: msgspec.Raw) -> str:
    """The attributes as indented JSON."""
    return msgspec.json.format(bytes(attributes)).decode()
