"""What goes with a chart: how long it may be kept, and whether who asks has it already."""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from service.charts.answering import Body, Found
from service.charts.drawing.picture import Picture
from service.errors import BadRequest
from service.period.steps import Period
from service.period.times import is_moving
from service.routes.chart.chart_parameters import Asked

DAY = 86400
"""Seconds for which a chart of a period that stays as it is may be kept."""
SETTLED = timedelta(hours=1)
"""Readings of a period that ended longer ago than this are hardly ever still on their way."""
MOST = timedelta(minutes=5)
"""For which a chart that still changes may be kept, however long its steps are."""

TYPED = {"X-Content-Type-Options": "nosniff"}
POLICY = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
"""Of an SVG, which a browser might otherwise take for an application."""


def headers(picture: Picture, form: str, now: datetime, until: datetime | None) -> dict[str, str]:
    """Those of a 200 and of a 304 to a question of `now` whose answer may be kept until then, or for a day."""
    newest = picture.numbers.until
    # whoever keeps it counts from when it comes
    age = DAY if until is None else max(0, int((until - datetime.now(UTC)).total_seconds()))
    return {
        "Cache-Control": f"public, max-age={age}",
        "Vary": "Accept, Accept-Encoding",
        **({"X-Data-Until": min(newest, now).isoformat(timespec="seconds").replace("+00:00", "Z")} if newest else {}),
        **TYPED,
        **(POLICY if form == "svg" else {}),
        **({"Content-Disposition": f'inline; filename="chart.{form}"'} if form in ("csv", "pdf") else {}),
    }


def kept_until(
    asked: Asked, picture: Picture, now: datetime, period_at: Callable[[datetime], Period]
) -> datetime | None:
    """When the next step begins or the period moves, at most MOST from now; None for one in the past that stays."""
    period = picture.period
    moving = asked.until is None or is_moving(asked.until) or (asked.start is not None and is_moving(asked.start))
    if picture.unfinished is not None:
        return min(now + MOST, next(edge for edge in period.edges if edge > now))
    if not moving:
        return None if period.end + SETTLED <= now else now + min(MOST, timedelta(seconds=period.seconds))

    def has_moved(seconds: int) -> bool:
        try:
            return period_at(now + timedelta(seconds=seconds)) != period
        except BadRequest:  # of a period from now-5m until a fixed time nothing is left then
            return True

    return now + timedelta(seconds=bisect_left(range(1, int(MOST.total_seconds()) + 1), x=True, key=has_moved))


def timing(found: Found, body: Body | None) -> dict[str, str]:
    """Milliseconds of the query and of the drawing, and whether there was anything to draw."""
    parts = [f"db;dur={1000 * found.seconds:.1f}"]
    if body is None:
        parts.append('cache;desc="not modified"')
    else:
        parts += [f"cache;desc={body.how}", f"render;dur={1000 * body.seconds if body.how != 'hit' else 0:.1f}"]
    return {"Server-Timing": ", ".join(parts)}


def is_known(tag: str, if_none_match: Sequence[str]) -> bool:
    """Whether the header, in one line or several, names this tag, among others or as `*`.

    RFC 9110, 13.1.2: the comparison is weak.
    """
    given = [one.strip().removeprefix("W/") for line in if_none_match for one in line.split(",")]
    return tag in given or given == ["*"]
