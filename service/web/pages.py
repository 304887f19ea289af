"""The templates in `web/` in each language, and the filters that write numbers, times and attributes in them."""

from collections.abc import Iterable
from datetime import datetime, tzinfo
from functools import cache

import jinja2
import msgspec

from service.board.board import Row
from service.languages.directions import isolated
from service.languages.language import language_named
from service.period.comparison import difference
from service.web.assets import WEB


@cache
def templates(code: str) -> jinja2.Environment:
    """The environment that every page in a language is rendered with. It escapes all values."""
    language = language_named(code)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(WEB),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        extensions=["jinja2.ext.i18n"],
    )
    environment.policies["ext.i18n.trimmed"] = True
    environment.install_gettext_translations(language.texts, newstyle=True)  # type: ignore[attr-defined]
    numbers, times = language.numbers, language.times
    environment.filters |= {one.__name__: one for one in FILTERS}
    environment.filters |= {one.__name__: one for one in (numbers.number, numbers.rounded, numbers.per_cent)}
    environment.filters |= {one.__name__: one for one in (numbers.whole, language.duration, language.say)}
    environment.filters |= {one.__name__: one for one in (times.moment, times.day, times.second, times.clock)}
    environment.globals |= {"language": language}
    return environment


def capitalised(text: str) -> str:
    """The text with a capital at its beginning, and otherwise as it is."""
    return text[:1].upper() + text[1:]


def largest(rows: Iterable[Row]) -> float:
    """The largest plan or fact of some rows of a board; 0 where there is none."""
    return max((one for row in rows for one in (row.plan, row.fact) if one is not None), default=0)


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


FILTERS = (difference, capitalised, largest, offset, keys, pretty, isolated)
