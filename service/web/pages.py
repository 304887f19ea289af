"""The templates in `web/`, and the filters that write numbers, times and attributes in them."""

from collections.abc import Iterable
from datetime import datetime, tzinfo

import jinja2
import msgspec

from service.board.board import Row
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
    environment.filters |= {one.__name__: one for one in FILTERS}
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


def rounded(value: float, *, sign: bool = False) -> str:
    """As `number`, but with one decimal below a hundred and none above: to be read from afar."""
    size = abs(value)
    return number(value if not 1e-3 <= size < 1e15 else round(value, 0 if size >= 100 else 1), sign=sign)


def duration(minutes: float) -> str:
    """Minutes, or hours and minutes."""
    whole = round(minutes)
    return f"{whole} min" if whole < 60 else f"{whole // 60} h {whole % 60:02} min"


def capitalised(text: str) -> str:
    """The text with a capital at its beginning, and otherwise as it is."""
    return text[:1].upper() + text[1:]


def largest(rows: Iterable[Row]) -> float:
    """The largest plan or fact of some rows of a board; 0 where there is none."""
    return max((one for row in rows for one in (row.plan, row.fact) if one is not None), default=0)


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


FILTERS = (
    number,
    rounded,
    per_cent,
    difference,
    duration,
    capitalised,
    largest,
    moment,
    day,
    second,
    clock,
    offset,
    keys,
    pretty,
)
