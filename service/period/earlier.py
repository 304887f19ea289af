"""The facts of an earlier time as the plan."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import msgspec

from service.errors import bad_parameter, quoted
from service.languages.language import Language
from service.languages.sentence import sentence
from service.period.times import shifted

_WRITTEN = re.compile(r"fact-([1-9]\d{0,3})([hdwMy])", re.ASCII)


class Earlier(msgspec.Struct, frozen=True):
    """So many hours, days, weeks, months or years before."""

    number: int
    unit: str

    def __str__(self) -> str:
        return f"fact-{self.number}{self.unit}"

    def in_words(self, language: Language) -> str:
        """How long before."""
        match self.unit:
            case "h":
                return language.ngettext("%(num)s hour", "%(num)s hours", self.number)
            case "d":
                return language.ngettext("%(num)s day", "%(num)s days", self.number)
            case "w":
                return language.ngettext("%(num)s week", "%(num)s weeks", self.number)
            case "M":
                return language.ngettext("%(num)s month", "%(num)s months", self.number)
            case _:
                return language.ngettext("%(num)s year", "%(num)s years", self.number)

    def before(self, edges: Sequence[datetime], zone: str) -> tuple[datetime, ...]:
        """The edges of the same steps at that time, by the clock of a zone. Where that was changed in between, a step
        may have another length then, or none: of an hour that comes twice now but came once then, the second."""
        at = ZoneInfo(zone)
        return tuple(shifted(edge.astimezone(at), -self.number, self.unit).astimezone(UTC) for edge in edges)


def read_earlier(name: str, text: str) -> Earlier:
    """BadRequest where the text isn't one such as `fact-7d`."""
    found = _WRITTEN.fullmatch(text.strip())
    if found is None:
        wrong = sentence(
            "%(value)s isn't allowed; write fact-7d, or another number of h, d, w, M or y in its place",
            value=quoted(text),
        )
        raise bad_parameter(name, wrong)
    return Earlier(int(found[1]), found[2])
