"""Running totals of a chart: where they begin anew, and what of them is due."""

from datetime import datetime
from typing import Literal, assert_never

from service.errors import bad_parameter
from service.languages.sentence import sentence
from service.period.bucket import Running
from service.period.shifts import NO_SHIFTS, Shifts
from service.period.steps import STEPS, Period, whole_days

Cumulative = Literal["period", "day", "shift"]
CUMULATIVE: tuple[Cumulative, ...] = ("period", "day", "shift")


def running_totals(kind: Cumulative, period: Period, now: datetime, shifts: Shifts = NO_SHIFTS) -> Running:
    """The running totals over a period at a moment. Those of days count from midnight on, and those of shifts from the
    beginning of the shift, even where the period begins later; after a shift they stay until the next begins.
    BadRequest where a step is longer than that for which totals run, or there are no shifts."""
    # clamped, so that the same is asked for again and again of a period that is over, or is still to come
    due = min(max(now.replace(second=0, microsecond=0), period.start), period.end)
    match kind:
        case "period":
            return Running((period.start,), due)
        case "day":
            if period.seconds > STEPS["1d"]:
                raise bad_parameter("cumulative", f"a step of {period.step} is longer than a day; give a shorter step")
            return Running(whole_days(period)[:-1], due, "day")
        case "shift":
            if not shifts:
                raise bad_parameter("cumulative", sentence("no shifts are known here; the setting SHIFTS names them"))
            if period.seconds > STEPS["1h"]:
                raise bad_parameter("cumulative", f"a step of {period.step} is too long for shifts; give 1h or less")
            begun = shifts.begun(period.start)
            first = period.start if begun is None or begun.end <= period.start else begun.start
            later = (shift.start for shift in shifts.between(period.start, period.end))
            return Running((first, *sorted({start for start in later if start > first})), due, "shift")
        case _:
            assert_never(kind)
