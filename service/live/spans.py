"""The periods to choose from on the live page, and what they are in the address of a chart."""

from datetime import datetime, timedelta

from service.errors import bad_parameter
from service.languages.sentence import sentence, translatable
from service.period.ends import Asked, read_ends
from service.period.shift_rules import LAST_SHIFT, SHIFT
from service.period.shifts import Shifts
from service.period.steps import DEFAULT_LENGTH

PERIODS = {
    "1h": translatable("1 hour"),
    "6h": translatable("6 hours"),
    "today": translatable("Today"),
    "24h": translatable("24 hours"),
    "7d": translatable("7 days"),
}
SHIFT_PERIODS = {SHIFT: translatable("This shift"), LAST_SHIFT: translatable("Last shift")}
LONGEST = timedelta(days=31)
"""The longest period of the live page, which looks at each minute again whenever something is written."""


def periods(shifts: Shifts) -> dict[str, str]:
    """The periods and what they are called on the page; those of shifts where there are any."""
    return PERIODS | (SHIFT_PERIODS if shifts else {})


def asked_for(period: str) -> Asked:
    """What a chart is asked for to show the same period."""
    if period in SHIFT_PERIODS:
        return Asked(shift=period)
    return Asked(start="today" if period == "today" else f"-{period}")


def check_span(asked: Asked, zone: str, now: datetime, shifts: Shifts) -> None:
    """BadRequest where the ends can't be read, or are too far apart for the live page."""
    ends = read_ends(asked, zone, now, shifts)
    until = ends.until or now
    start = ends.start or until - DEFAULT_LENGTH
    if start >= until:
        late = sentence("must be before now, or give until as well")
        raise bad_parameter("from", sentence("must be before until") if ends.until else late)
    if until - start > LONGEST:
        raise bad_parameter(
            "from",
            sentence("is more than %(days)s days before the end, the most that is shown live", days=LONGEST.days),
        )
