"""The templates in `web/`, and the filters that write numbers, times and attributes in them."""

from datetime import datetime, tzinfo

import jinja2
import msgspec

from service.period.comparison import difference
from service.web.assets import WEB


def templates() -> jinja2.Environment:
    """The environment that every page is rendered with. It escapes all values."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(WEB),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {
        one.__name__: one for one in (number, per_cent, difference, moment, day, second, clock, offset, keys, pretty)
    }
    return environment


def number(value: float, *, sign: bool = False) -> str:
    """Six digits and at least two decimals, without trailing zeros, with separated thousands and a true minus sign.
    What is less than a thousandth, or has more than fifteen digits before the point, gets a power of ten."""
    size = abs(value)
    if value and not 1e-3 <= size < 1e15:
        digits, _, power = f"{value:.3e}".partition("e")
        text = f"{digits.rstrip('0').rstrip('.')}e{int(power)}"
    else:
        decimals = max(2, 6 - len(str(int(size)))) if size >= 1 else 6
        text = f"{value:,.{decimals}f}".rstrip("0").rstrip(".")
    text = "0" if text == "-0" else text.replace("-", "−")
    return f"+{text}" if sign and value > 0 else text


def per_cent(share: float) -> str:
    """A share in per cent, with one decimal; as `number` writes it where it is very small or very large."""
    return f"{share:,.1f}".replace("-", "−") if share == 0 or 0.1 <= abs(share) < 1e6 else number(share)


def moment(ts: datetime, zone: tzinfo) -> str:
    """Date and time by the zone's clock."""
    return f"{ts.astimezone(zone):%Y-%m-%d %H:%M:%S}"


def day(ts: datetime, zone: tzinfo) -> str:
    """The date in the zone."""
    return f"{ts.astimezone(zone):%Y-%m-%d}"


def second(ts: datetime, zone: tzinfo) -> str:
    """Hour, minute and second by the zone's clock."""
    return f"{ts.astimezone(zone):%H:%M:%S}"


def clock(ts: datetime, zone: tzinfo) -> str:
    """Hour and minute by the zone's clock."""
    return f"{ts.astimezone(zone):%H:%M}"


def offset(ts: datetime, zone: tzinfo) -> str:
    """The zone's offset from UTC at that time, as +hh:mm."""
    text = f"{ts.astimezone(zone):%z}"
    return f"{text[:3]}:{text[3:5]}"


def keys(attributes: msgspec.Raw) -> str:
    """The names of the attributes."""
    return ", ".join(msgspec.json.decode(attributes, type=dict[str, msgspec.Raw]))


def pretty(attributes: msgspec.Raw) -> str:
    """The attributes as indented JSON."""
    return msgspec.json.format(bytes(attributes)).decode()
