"""Readers of single parameters of `/chart`: text -> value. Each raises BadRequest, which names the parameter."""

import math
import re
from collections.abc import Callable, Sequence

from service.errors import bad_parameter, quoted
from service.languages.sentence import sentence
from service.period.times import check_time_format
from service.routes.parameters import choice, whole_number

MAX_TITLE, MAX_LABEL = 200, 30


def text(name: str, value: str) -> str:
    if not value.strip():
        raise bad_parameter(name, "is empty")
    return value


def title(name: str, value: str) -> str:
    if not 1 <= len(value) <= MAX_TITLE or not value.strip() or not value.isprintable():
        raise bad_parameter(name, sentence("must be 1 to %(most)s printable characters", most=MAX_TITLE))
    return value


def labels(name: str, value: str) -> tuple[str, str]:
    plan, comma, fact = (part.strip() for part in value.partition(","))
    if not comma or "," in fact or not all(1 <= len(one) <= MAX_LABEL and one.isprintable() for one in (plan, fact)):
        wrong = sentence(
            "must be two names of 1 to %(most)s printable characters with a comma between, like Soll,Ist",
            most=MAX_LABEL,
        )
        raise bad_parameter(name, wrong)
    return plan, fact


def unit(name: str, value: str) -> str:
    if len(value) > MAX_LABEL or not value.isprintable():
        raise bad_parameter(name, sentence("must be at most %(most)s printable characters", most=MAX_LABEL))
    return value.strip()


def time_format(name: str, value: str) -> str:
    if not 1 <= len(value) <= 50 or not value.isprintable():
        raise bad_parameter(name, "must be 1 to 50 printable characters, as in strftime")
    try:
        return check_time_format(value)
    except ValueError as exc:
        raise bad_parameter(name, str(exc)) from None


def one_of(allowed: Sequence[str]) -> Callable[[str, str], str]:
    return lambda name, value: choice(name, value, allowed)


def whole(lowest: int, highest: int) -> Callable[[str, str], int]:
    return lambda name, value: whole_number(name, value, lowest, highest)


def decimal(lowest: float, highest: float, bounds: str) -> Callable[[str, str], float]:
    def read(name: str, value: str) -> float:
        number = float(value) if re.fullmatch(r"\d{1,16}(\.\d{0,30})?", value, re.ASCII) else math.nan
        if not lowest <= number <= highest:
            raise bad_parameter(name, f"{quoted(value)} must be a number {bounds}")
        return number

    return read
