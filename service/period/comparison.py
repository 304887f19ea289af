"""Plan against fact: by how much they differ, and how far a fact may fall below its plan before that is missed."""

import re
from math import inf

import msgspec

from service.errors import bad_parameter, quoted
from service.languages.sentence import sentence

LARGEST = 10**15
ROUNDING = 1e-10
"""The share by which two numbers may differ that are the same but for the order in which they were added up;
sql/queries/totals.sql has it, too."""
_WRITTEN = re.compile(r"(?P<number>\d{1,16}(?:\.\d{0,30})?) ?(?P<sign>%?)", re.ASCII)


class Threshold(msgspec.Struct, frozen=True):
    """So much, or so many per cent of the plan where `is_share`."""

    size: float = 0
    is_share: bool = False

    def is_missed(self, plan: float, fact: float) -> bool:
        """Whether the fact is further below the plan than this allows."""
        allowed = self.size / 100 * abs(plan) if self.is_share else self.size
        return difference(plan, fact) > allowed

    def __str__(self) -> str:
        return f"{self.size:.15g}%" if self.is_share else f"{self.size:.15g}"


def difference(fact: float, plan: float) -> float:
    """Fact minus plan; 0 where they differ by no more than a rounding error, as 0.1 + 0.2 and 0.3 do."""
    found = fact - plan
    return found if abs(found) > ROUNDING * max(abs(fact), abs(plan)) else 0.0


def read_threshold(name: str, text: str) -> Threshold | None:
    """The threshold that a parameter asks for: `5`, `2.5%`, or `none`, by which nothing is missed. BadRequest names the
    parameter where it is none of them."""
    text = text.strip()
    if text == "none":
        return None
    # an address in which nobody escaped the per cent sign still says what is meant
    found = _WRITTEN.fullmatch(text)
    size = float(found["number"]) if found else inf
    is_share = bool(found and found["sign"])
    if size > (100 if is_share else LARGEST):
        raise bad_parameter(
            name,
            sentence(
                "%(value)s must be a number from 0 to 10 to the power of 15, written without an exponent, a share of "
                "the plan from 0%% to 100%%, or none",
                value=quoted(text),
            ),
        )
    return Threshold(size, is_share)
