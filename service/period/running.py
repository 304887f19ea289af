"""Running totals of a chart: where they begin anew, and what of them is due."""

from datetime import datetime
from typing import Literal, assert_never

from service.errors import bad_parameter
from service.period.bucket import Running
from service.period.steps import STEPS, Period, whole_days

Cumulative = Literal["period", "day"]
CUMULATIVE: tuple[Cumulative, ...] = ("period", "day")


def running_totals(kind: Cumulative, period: Period, now: datetime) -> Running:
    """The running totals over a period at a moment. Those of days count from midnight on, even where the period begins
    later. BadRequest where a step is longer than that for which totals run."""
    # clamped, so that the same is asked for again and again of a period that is over, or is still to come
    due = min(max(now.replace(second=0, microsecond=0), period.start), period.end)
    match kind:
        case "period":
            return Running((period.start,), due)
        case "day":
            if period.seconds > STEPS["1d"]:
                raise bad_parameter("cumulative", f"a step of {period.step} is longer than a day; give a shorter step")
            return Running(whole_days(period)[:-1], due)
        case _:
            assert_never(kind)
