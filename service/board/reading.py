"""Reads boards: the buckets of their steps with running totals, the newest facts, and notes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache, partial
from itertools import pairwise

from service.board.board import MAX_SECTIONS, Board, BoardQuestion, Row, Section
from service.charts.answering import Charts
from service.period.bucket import BucketQuestion, Note, Panel, RunningBucket
from service.period.comparison import difference
from service.period.running import running_totals
from service.period.shifts import Interval, Shifts
from service.period.standing import Standing
from service.period.steps import Period
from service.period.working_times import worked

TimeIn = Callable[[Interval, datetime, datetime], timedelta]
"""How much time there is in a step between two moments."""
LOOKED_BACK = timedelta(days=2)
"""How long before now the newest fact of each series is looked for."""


class Boards:
    """Reads what boards show."""

    def __init__(self, charts: Charts, shifts: Shifts) -> None:
        self._charts, self._shifts = charts, shifts

    async def read(self, question: BoardQuestion, now: datetime, caller: str | None = None) -> Board:
        """The board as it is now. A caller waits for a turn; None are those who have had theirs already."""
        period, series = question.period, question.series
        running = running_totals("period", period, now)
        panels = MAX_SECTIONS if question.split else None
        facts = _facts_of(question, running.due, now)
        asked = BucketQuestion(period, "sum", series, panels, running, facts=facts)
        numbers = await self._charts.numbers(asked, caller)
        until = None if question.split else numbers.until
        made_in = _time_in(self._shifts)
        sections = [
            _section(period, made_in, running.due, panel, numbers.notes, panel.newest or until)
            for panel in numbers.panels or ((Panel(None, None, ()),) if not question.split else ())
        ]
        shown = tuple(_trimmed(sections) if question.trimmed else sections)
        return Board(period, running.due, shown, numbers.away)


def _facts_of(question: BoardQuestion, due: datetime, now: datetime) -> Interval | None:
    """The time in which the newest fact of each section is looked for; None where all that is asked for is what the
    buckets tell."""
    period, since = question.period, question.facts_since
    if not question.split and since is None:
        return None
    first = max(period.start, due - LOOKED_BACK)
    if since is not None:
        first = min(first, since.replace(second=0, microsecond=0))
    last = min(period.end, now.replace(second=0, microsecond=0) + timedelta(minutes=1))
    return (first, last) if first < last else None


def _time_in(shifts: Shifts) -> TimeIn:
    """How much time there is for what is planned in a step: breaks don't count where it is in a shift."""
    known = cache(partial(worked, shifts))

    def between(step: Interval, first: datetime, last: datetime) -> timedelta:
        first, last = max(first, step[0]), min(last, step[1])
        if first >= last:
            return timedelta()
        return known(first, last) if known(*step) else last - first

    return between


def _section(
    period: Period, made_in: TimeIn, due: datetime, panel: Panel, notes: Sequence[Note], newest: datetime | None
) -> Section:
    buckets = {bucket.bucket: bucket for bucket in panel.buckets if isinstance(bucket, RunningBucket)}
    own = [note for note in notes if panel.name in (None, note.series)]
    rows = tuple(_rows(period, made_in, due, buckets, own))
    return Section(panel.name, panel.others, rows, _standing(period, made_in, due, buckets), newest)


def _standing(period: Period, made_in: TimeIn, due: datetime, buckets: Mapping[datetime, RunningBucket]) -> Standing:
    begun = [bucket for bucket in buckets.values() if bucket.ahead is not None]
    steps = {start: (start, end) for start, end in pairwise(period.edges)}
    passed = [made_in(steps[one.bucket], one.bucket, due) for one in begun if one.due_fact is not None]
    return Standing(
        _target(buckets),
        begun[-1].due_total if any(one.due_plan is not None for one in begun) else None,
        _made(begun[-1]) if passed else None,
        sum(passed, timedelta()),
        sum((_left(made_in, steps[one.bucket], one, due) for one in buckets.values()), timedelta()),
    )


def _target(buckets: Mapping[datetime, RunningBucket]) -> float | None:
    """All that is planned for the period."""
    planned = any(bucket.plan is not None for bucket in buckets.values())
    return [*buckets.values()][-1].plan_total if planned else None


def _made(bucket: RunningBucket) -> float:
    """The facts of all minutes that are due by the end of a step."""
    return bucket.due_total + (bucket.ahead or 0)


def _left(made_in: TimeIn, step: Interval, bucket: RunningBucket | None, since: datetime) -> timedelta:
    """How long something is planned in a step after a moment."""
    return timedelta() if bucket is None or bucket.plan is None else made_in(step, since, step[1])


def _rows(
    period: Period,
    made_in: TimeIn,
    due: datetime,
    buckets: Mapping[datetime, RunningBucket],
    notes: Sequence[Note],
) -> Iterator[Row]:
    """A row for each step. Where nothing was read of one, the totals are those of the one before."""
    target = _target(buckets)
    steps = list(pairwise(period.edges))
    left = sum((_left(made_in, step, buckets.get(step[0]), step[0]) for step in steps), timedelta())
    before: RunningBucket | None = None
    for step in steps:
        start, end = step
        bucket = buckets.get(start)
        before = bucket or before
        until = min(end, due)
        left -= _left(made_in, step, bucket, start) - _left(made_in, step, bucket, max(start, until))
        begun, known = start < due, before if before and before.ahead is not None else None
        plan, fact = (bucket.due_plan, bucket.due_fact) if bucket else (None, None)
        made = _made(known) if begun and known else None
        yield Row(
            start,
            end,
            bucket.plan if bucket else None,
            plan,
            fact,
            difference(fact or 0, plan or 0) if begun and (plan is not None or fact is not None) else None,
            before.plan_total if before else 0,
            made,
            known.ahead if begun and known else None,
            100 * (fact or 0) / plan if plan else None,
            Standing(target, None, made, timedelta(), left).needed_an_hour if begun else None,
            begun and end > due,
            not begun,
            tuple(note for note in notes if start <= note.ts < end),
        )


def _trimmed(sections: Sequence[Section]) -> list[Section]:
    """The sections from the first to the last step in which one of them has something to show."""
    full = [
        any(
            section.rows[number].plan is not None or section.rows[number].fact is not None or section.rows[number].notes
            for section in sections
        )
        for number in range(max((len(section.rows) for section in sections), default=0))
    ]
    if not any(full):
        return [_with_rows(section, ()) for section in sections]
    first, last = full.index(True), len(full) - full[::-1].index(True)
    return [_with_rows(section, section.rows[first:last]) for section in sections]


def _with_rows(section: Section, rows: tuple[Row, ...]) -> Section:
    return Section(section.name, section.others, rows, section.standing, section.newest)
