"""What a check has found, and how that is said in a sentence."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from service.alerts.question import Question
from service.period.comparison import difference
from service.store.checks import Behind, Silence

_UNITS = (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1))


class Finding(msgspec.Struct, frozen=True):
    """Where a series stands or, without a name, several together. It fails from `since` on, to the minute; `recovered`
    is whether all has been well for so long that an alert ends."""

    series: str | None
    ok: bool
    recovered: bool
    detail: str
    since: datetime | None
    behind: float | None
    plan: float | None
    fact: float | None
    ahead: float | None
    newest_fact: datetime | None


def finding(
    question: Question,
    series: str | None,
    start: datetime,
    due: datetime,
    behind: Behind | None,
    silent: Silence | None,
) -> Finding:
    """What was found of a series at the moment `due`, in a period that began at `start`. No readings are as planned."""
    compared = behind or Behind(series, None, None, is_missed=False, since=None)
    began = compared.since or start
    lasts = due - began >= question.lasting
    is_behind = compared.is_missed and lasts
    is_stale = silent is not None and question.stale is not None and silent.is_due and silent.lasted >= question.stale
    since = [began] if is_behind else []
    if silent is not None and is_stale:
        since.append(silent.since or due)
    ahead = difference(compared.fact or 0, compared.plan or 0)
    known = question.behind is not None
    return Finding(
        series,
        not (is_behind or is_stale),
        not is_stale and (not known or (lasts and not compared.is_missed)),
        _sentence(question, due, compared, began, silent if is_stale else None),
        min(since, default=None),
        max(0.0, -ahead) if known else None,
        compared.plan,
        compared.fact,
        ahead if known else None,
        silent.newest if silent else None,
    )


def duration(length: timedelta) -> str:
    """`90s`, `5m`, `1h`: in the longest unit of which it is a whole number."""
    seconds = length.total_seconds()
    unit, size = next(((unit, size) for unit, size in _UNITS if seconds and not seconds % size), ("s", 1))
    return f"{seconds / size:g}{unit}"


def _sentence(question: Question, due: datetime, compared: Behind, began: datetime, silent: Silence | None) -> str:
    said = []
    if silent is not None:
        when = f"since {_clock(silent.newest, due, question.zone)}" if silent.newest else "for days"
        said.append(f"no fact {when}, allowed are {duration(question.stale or timedelta())}")
    if question.behind is not None:
        ahead = difference(compared.fact or 0, compared.plan or 0)
        if compared.is_missed:
            text = f"{_number(-ahead)} behind since {_clock(began, due, question.zone)}, allowed are {question.behind}"
            said.append(f"{text} for {duration(question.lasting)}" if question.lasting else text)
        elif ahead < 0:
            said.append(f"{_number(-ahead)} behind, allowed are {question.behind}")
        else:
            said.append(f"{_number(ahead)} ahead" if ahead else "as planned")
    return "; ".join(said) or "facts come as they should"


def _clock(moment: datetime, now: datetime, zone: str) -> str:
    """The time of the day, with the date where that isn't today's."""
    then, today = moment.astimezone(ZoneInfo(zone)), now.astimezone(ZoneInfo(zone))
    return f"{then:%H:%M}" if then.date() == today.date() else f"{then:%Y-%m-%d %H:%M}"


def _number(size: float) -> str:
    return f"{size:,.2f}".rstrip("0").rstrip(".")
