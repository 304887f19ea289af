"""HTTP caching of charts: how long a chart may be kept, how current it is, and which charts the client has already."""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from service.charts.answering import ChartAnswer
from service.charts.question import TABLES, ChartFormat, ChartQuestion
from service.errors import BadRequest
from service.period.ends import Asked
from service.period.steps import Period
from service.routes.kept_from import kept_from
from service.routes.sites_away import sites_away
from service.routes.speaking import Speaking

SETTLED_AFTER = timedelta(hours=1)
"""A period that ended so long ago counts as settled, since hardly any more readings of it will arrive."""
SETTLED_MAX_AGE = 86400
"""Seconds for which a chart of a settled period may be kept."""
AWAY_MAX_AGE = 5
"""The same of a chart that lacks a site, which may answer again at any moment."""
LONGEST_KEPT = timedelta(minutes=5)
"""The longest time for which a chart that still changes may be kept, however long its steps are."""

SVG_POLICY = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
"""A browser that opens an SVG as a page of its own would otherwise run scripts in it."""


def chart_headers(
    answer: ChartAnswer, form: ChartFormat, now: datetime, keep_until: datetime | None, speaks: Speaking
) -> dict[str, str]:
    """The headers of a 200 or 304 to a request that came at `now`. Without `keep_until` the period is settled."""
    until = answer.facts_until
    # max-age counts from when the answer is received, which may be a while after `now`
    age = SETTLED_MAX_AGE if keep_until is None else max(0, int((keep_until - datetime.now(UTC)).total_seconds()))
    if answer.away:
        age = min(age, AWAY_MAX_AGE)
    return {
        "ETag": answer.tag,
        "Cache-Control": f"public, max-age={age}",
        "Vary": speaks.varying("Accept, Accept-Encoding"),
        **({} if form in TABLES else {"Content-Language": speaks.code}),
        **({"X-Data-Until": min(until, now).isoformat(timespec="seconds").replace("+00:00", "Z")} if until else {}),
        **kept_from(answer.since),
        **sites_away(answer.away),
        **(SVG_POLICY if form == "svg" else {}),
        **({"Content-Disposition": f'inline; filename="chart.{form}"'} if form in ("csv", "pdf") else {}),
        "Server-Timing": _timing(answer),
    }


def kept_until(
    asked: Asked, question: ChartQuestion, now: datetime, period_at: Callable[[datetime], Period]
) -> datetime | None:
    """The time at which the next step begins or the period moves on, at most LONGEST_KEPT from now, or at which the
    picture is another for each minute. None where the period is settled.

    `period_at` returns the period that the same parameters mean at another time.
    """
    period = question.period
    if question.now is not None or (question.running and period.start < question.running.due < period.end):
        return now.replace(second=0, microsecond=0) + timedelta(minutes=1)  # when another minute is due
    if question.unfinished is not None:
        next_step = min(now + LONGEST_KEPT, next(edge for edge in period.edges if edge > now))
        # a shift may be over before the step is in which it ends
        return min(next_step, _moved_by(period, now, period_at)) if asked.has_shift and asked.moves else next_step
    if not asked.moves:
        settled = period.end + SETTLED_AFTER <= now
        return None if settled else now + min(LONGEST_KEPT, timedelta(seconds=period.seconds))
    return _moved_by(period, now, period_at)


def _moved_by(period: Period, now: datetime, period_at: Callable[[datetime], Period]) -> datetime:
    """When the period has moved on, or LONGEST_KEPT from now."""

    def has_moved(seconds: int) -> bool:
        try:
            return period_at(now + timedelta(seconds=seconds)) != period
        except BadRequest:  # a period such as one from now-5m until a fixed time is empty by then
            return True

    seconds = range(1, int(LONGEST_KEPT.total_seconds()) + 1)
    return now + timedelta(seconds=bisect_left(seconds, x=True, key=has_moved))


def known_tags(if_none_match: Sequence[str]) -> tuple[str, ...]:
    """The tags in the lines of an If-None-Match header, or only `*`.

    RFC 9110, 13.1.2: the comparison is weak.
    """
    return tuple(one.strip().removeprefix("W/") for line in if_none_match for one in line.split(","))


def _timing(answer: ChartAnswer) -> str:
    """The value of Server-Timing: milliseconds of the query and of the drawing, and where the chart came from."""
    query = f"db;dur={1000 * answer.read_seconds:.1f}"
    if answer.body is None:
        return f'{query}, cache;desc="not modified"'
    drawing = 0 if answer.body.cache == "hit" else 1000 * answer.body.seconds
    return f"{query}, cache;desc={answer.body.cache}, render;dur={drawing:.1f}"
