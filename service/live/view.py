"""The views of the live page: what a viewer has chosen to see, and what the charts are asked for it."""

from datetime import datetime

import msgspec

from service.charts.drawing.picture import AXIS_ROOM, Style
from service.charts.legible import legible_period, visible
from service.charts.question import Appearance, ChartQuestion
from service.languages.language import ENGLISH, language_named
from service.period.bucket import BucketQuestion, Numbers, RunningBucket
from service.period.comparison import Threshold
from service.period.earlier import Earlier
from service.period.ends import Asked, Ends, read_ends
from service.period.kept import ALL_KEPT, Kept, coarser, in_kept_steps
from service.period.open_hours import OpenHours
from service.period.running import Cumulative, running_totals
from service.period.selection import SeriesFilter
from service.period.shifts import Shifts
from service.period.steps import STEPS, Period
from service.store.totals import Totals

WIDTHS = {290: 290, 360: 300, 560: 360, 760: 400, 1080: 420}
"""The widths that charts are made for, with their heights; browsers stretch the charts a little."""


class ChartChoice(msgspec.Struct, frozen=True):
    """How a chart is to compare and to look; as the parameters of /chart have it."""

    agg: str = "sum"
    cumulative: Cumulative | None = None
    style: Style = "bars"
    earlier: Earlier | None = None
    threshold: Threshold | None = Threshold()
    hours: OpenHours | None = None

    @property
    def has_own_totals(self) -> bool:
        """Whether the chart shows other numbers than plan and fact of all minutes, so that it has other totals."""
        return self.agg != "sum" or self.earlier is not None or self.hours is not None


class View(msgspec.Struct, frozen=True):
    """What a viewer has chosen to see. All viewers who have chosen the same share one view."""

    span: Asked
    series: SeriesFilter
    zone: str
    width: int
    choice: ChartChoice = ChartChoice()
    language: str = ENGLISH

    def question(self, looks: Appearance, now: datetime, shifts: Shifts, kept: Kept = ALL_KEPT) -> ChartQuestion:
        """What the charts are asked at a time, for a picture that looks like `looks` otherwise, as far as it is kept.
        BadRequest names what can't be shown together."""
        ends = read_ends(self.span, self.zone, now, shifts)
        wanted, choice = self._period(ends, now), self.choice
        period = in_kept_steps(wanted, kept, choice.agg, choice.earlier)
        looks = msgspec.structs.replace(
            looks,
            width=self.width,
            height=WIDTHS[self.width],
            short_labels=True,
            style=choice.style,
            threshold=choice.threshold,
            labels=language_named(self.language).labels(looks.labels),
            language=self.language,
        )
        return ChartQuestion(
            period,
            period.unfinished(now),
            looks,
            choice.agg,
            self.series,
            running=running_totals(choice.cumulative, period, now, shifts) if choice.cumulative else None,
            now=period.line_at(now),
            earlier=choice.earlier,
            shift=ends.shift,
            coarser=coarser(kept, wanted.start) if period != wanted else None,
        )

    def _period(self, ends: Ends, now: datetime) -> Period:
        def made(step: str | None) -> Period:
            found = legible_period(ends.start, ends.until, step, self.zone, now, self.width, hours=self.choice.hours)
            return visible(found, self.width - AXIS_ROOM)

        period = made(None)
        # of shifts there are totals in steps of an hour at most
        return made("1h") if self.choice.cumulative == "shift" and period.seconds > STEPS["1h"] else period


def totals_question(question: ChartQuestion, now: datetime) -> BucketQuestion:
    """The question whose answer has the totals of what a chart shows."""
    running = running_totals("period", question.period, now)
    return BucketQuestion(question.period, question.agg, question.series, None, running, question.earlier)


def totals_of(numbers: Numbers, until: datetime) -> Totals:
    """The totals at the end of a chart's running totals, of what is due `until` then."""
    [buckets] = [panel.buckets for panel in numbers.panels] or [()]
    running = [bucket for bucket in buckets if isinstance(bucket, RunningBucket)]
    due = next((bucket for bucket in reversed(running) if bucket.ahead is not None), None)
    target = running[-1].plan_total if running else None
    if due is None or due.ahead is None:
        return Totals(None, None, 0, None, until, target)
    # the total of facts has those of the running minute, too
    return Totals(due.due_total, due.due_total + due.ahead, 0, None, until, target)
