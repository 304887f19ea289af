"""The templates in `web/`, and how numbers, times and attributes read in them."""

from datetime import datetime, tzinfo
from pathlib import Path

import jinja2
import msgspec

WEB = Path(__file__).with_name("web")


def templates() -> jinja2.Environment:
    """The environment that every page is rendered with; everything is escaped."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(WEB),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {"number": number, "moment": moment, "keys": keys, "pretty": pretty}
    return environment


def number(value: float, *, sign: bool = False) -> str:
    """At most six decimals, thousands apart, a true minus."""
    text = f"{value:,.6f}".rstrip("0").rstrip(".") if abs(value) < 1e15 else f"{value:.6g}"
    text = "0" if text == "-0" else text.replace("-", "−")
    return f"+{text}" if sign and value > 0 else text


def moment(ts: datetime, zone: tzinfo) -> str:
    """Date and time of the zone's clock, with its offset from UTC."""
    local = ts.astimezone(zone)
    return f"{local:%Y-%m-%d %H:%M:%S} {local:%z}"


def keys(attributes: msgspec.Raw) -> str:
    """The names of the attributes."""
    return ", ".join(msgspec.json.decode(attributes, type=dict[str, msgspec.Raw]))


def pretty(attributes: msgspec.Raw) -> str:
    """The attributes as indented JSON."""
    return msgspec.json.format(bytes(attributes)).decode()
