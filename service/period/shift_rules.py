"""The shifts of a week, as the setting `SHIFTS` names them."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import pairwise

import msgspec

DAY = 24 * 60
"""The minutes of a day."""
MAX_SHIFT_NAME = 40
"""The most characters of a shift's name."""
SHIFT, LAST_SHIFT = "shift", "last-shift"
"""The words for the running shift and for the one before it, where times are written."""
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_RESERVED = ("break", "days", SHIFT, LAST_SHIFT)
_TIME = re.compile(r"([01]?\d|2[0-4]):([0-5]\d)", re.ASCII)
_EXAMPLE = "early 06:00-14:00 break 10:00-10:15"

Minutes = tuple[int, int]
"""From one minute up to another, counted from the midnight with which the date of the shift begins."""


class ShiftRule(msgspec.Struct, frozen=True):
    """A shift by the clock: its minutes, those of its breaks, and the days of the week on which it begins, 0 being
    Monday."""

    name: str
    minutes: Minutes
    breaks: tuple[Minutes, ...]
    days: tuple[int, ...]


def read_shift_rules(text: str) -> tuple[ShiftRule, ...]:
    """The shifts of a text like `early 06:00-14:00 break 10:00-10:15; night 22:00-06:00 days mon-thu; days mon-fri`.
    Raises ValueError, which names the piece at fault and says how it is written."""
    pieces = [piece.split() for piece in text.split(";") if piece.strip()]
    common = [words for words in pieces if words[0].lower() == "days"]
    if len(common) > 1:
        raise _fault(common[1], "are the days of all shifts a second time")
    days = named_days(common[0], common[0][1:]) if common else tuple(range(7))
    rules = tuple(_rule(words, days) for words in pieces if words not in common)
    if common and not rules:
        raise _fault(common[0], f"are days without a shift; write one like {_EXAMPLE}")
    _check_names(rules)
    _check_apart(rules)
    return rules


def folded(name: str) -> str:
    """The name in a form that is the same however its letters are written."""
    return unicodedata.normalize("NFC", name).casefold()


def _rule(words: list[str], common: tuple[int, ...]) -> ShiftRule:
    name, times, *rest = words if len(words) > 1 else [*words, ""]
    if not _is_name(name):
        raise _fault(
            words, f"has no name to begin with: up to {MAX_SHIFT_NAME} letters, digits, - and _; write {_EXAMPLE}"
        )
    start, end = minutes_between(words, times)
    breaks: list[Minutes] = []
    days = common
    while rest:
        word, *rest = rest
        if word.lower() == "break":
            breaks.append(_within(words, (start, end), minutes_between(words, rest[0] if rest else "")))
            rest = rest[1:]
        elif word.lower() == "days":
            rest, given = _split(rest)
            days = named_days(words, given)
        else:
            raise _fault(words, f"has {word!r}, where only break or days may stand; write {_EXAMPLE} days mon-fri")
    return ShiftRule(name, (start, end), _in_order(words, (start, end), breaks), days)


def _is_name(text: str) -> bool:
    """Letters of any script have marks beside them in some."""
    fitting = all(one.isalnum() or one in "-_" or unicodedata.category(one).startswith("M") for one in text)
    return fitting and 1 <= len(text) <= MAX_SHIFT_NAME and folded(text) not in _RESERVED


def minutes_between(words: list[str], text: str) -> Minutes:
    """From one time to another, which is on the next day where it isn't later. ValueError names the `words` at fault,
    of which the text is one."""
    first, _, last = text.partition("-")
    start, end = _minutes(first), _minutes(last)
    if start is None or end is None or start == DAY:
        raise _fault(words, f"has {text!r} where times belong; write them like 06:00-14:00, midnight as 00:00-24:00")
    if start == end:
        raise _fault(words, f"has {text!r}, which is no length; a whole day is 00:00-24:00")
    return start, end if end > start else end + DAY


def _minutes(text: str) -> int | None:
    match = _TIME.fullmatch(text)
    minutes = 60 * int(match[1]) + int(match[2]) if match else DAY + 1
    return minutes if minutes <= DAY else None


def _within(words: list[str], shift: Minutes, found: Minutes) -> Minutes:
    """The break on the day on which it lies in the shift."""
    start, end = found if found[0] >= shift[0] else (found[0] + DAY, found[1] + DAY)
    if end > shift[1]:
        raise _fault(words, f"has a break from {clock(found[0])} to {clock(found[1])}, which isn't in the shift")
    return start, end


def _in_order(words: list[str], shift: Minutes, breaks: list[Minutes]) -> tuple[Minutes, ...]:
    ordered = sorted(breaks)
    for before, after in pairwise(ordered):
        if after[0] < before[1]:
            raise _fault(words, f"has two breaks at {clock(after[0])}")
    if sum(end - start for start, end in ordered) == shift[1] - shift[0]:
        raise _fault(words, "has nothing but breaks")
    return tuple(ordered)


def _split(words: list[str]) -> tuple[list[str], list[str]]:
    """What follows the days, and the days, between which there may be spaces."""
    ends = next((place for place, word in enumerate(words) if word.lower() in ("break", "days")), len(words))
    return words[ends:], words[:ends]


def named_days(piece: list[str], given: list[str]) -> tuple[int, ...]:
    """The days of a list like `mon-fri,sun`, in order. ValueError names the `piece` at fault, of which it is a part."""
    found = [day for one in "".join(given).lower().split(",") for day in _days_from_to(piece, one)]
    if len(set(found)) < len(found):
        raise _fault(piece, "names a day twice")
    return tuple(sorted(found))


def _days_from_to(piece: list[str], text: str) -> Iterator[int]:
    """A day or, as `fri-mon`, all from one to another."""
    first, dash, last = text.partition("-")
    for name in (first, last) if dash else (first,):
        if name not in WEEKDAYS:
            raise _fault(piece, f"has {name!r}, which is no day; write days like mon-fri,sun")
    begin = WEEKDAYS.index(first)
    count = (WEEKDAYS.index(last) - begin) % 7 if dash else 0
    return ((begin + number) % 7 for number in range(count + 1))


def _check_names(rules: Sequence[ShiftRule]) -> None:
    for place, rule in enumerate(rules):
        if any(folded(other.name) == folded(rule.name) for other in rules[:place]):
            raise ValueError(f"two shifts are named {rule.name!r}")


def _check_apart(rules: Sequence[ShiftRule]) -> None:
    """On the clock of a week, the end of which is its beginning."""
    week = sorted(
        (day * DAY + rule.minutes[0], day * DAY + rule.minutes[1], rule.name) for rule in rules for day in rule.days
    )
    again = [(start + 7 * DAY, end + 7 * DAY, name) for start, end, name in week[:1]]
    for (_, end, earlier), (start, _, later) in pairwise([*week, *again]):
        if start < end:
            when = f"{WEEKDAYS[start // DAY % 7]} {clock(start)}"
            raise ValueError(f"the shifts {earlier!r} and {later!r} overlap on {when}")


def clock(minutes: int) -> str:
    """The time on the clock so many minutes after midnight."""
    hour, minute = divmod(minutes % DAY, 60)
    return f"{hour:02}:{minute:02}"


def _fault(words: list[str], what: str) -> ValueError:
    return ValueError(f"{' '.join(words)!r} {what}")
