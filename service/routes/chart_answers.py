"""What goes with a chart: how long it may be kept, and whether who asks has it already."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache

from service.chart.picture import Picture
from service.charts import Body, Found
from service.routes.chart_parameters import Asked
from service.times import is_moving

DAY = 86400
SETTLED = timedelta(hours=1)
"""Readings of a period that ended longer ago than this are hardly ever still on their way."""
MOST = 300
"""Seconds for which a chart that still changes may be kept, however long its steps are."""

TYPED = {"X-Content-Type-Options": "nosniff"}
POLICY = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
"""Of an SVG, which a browser might otherwise take for an application."""


def headers(asked: Asked, picture: Picture, form: str, now: datetime) -> dict[str, str]:
    """Those of a 200 and of a 304."""
    until = picture.numbers.until
    return {
        "Cache-Control": f"public, max-age={max_age(asked, picture, now)}",
        "Vary": "Accept, Accept-Encoding",
        **({"X-Data-Until": min(until, now).isoformat(timespec="seconds").replace("+00:00", "Z")} if until else {}),
        **TYPED,
        **(POLICY if form == "svg" else {}),
        **({"Content-Disposition": f'inline; filename="chart.{form}"'} if form in ("csv", "pdf") else {}),
    }


def max_age(asked: Asked, picture: Picture, now: datetime) -> int:
    """Seconds until the next step begins; a day where the period lies in the past and stays there."""
    period = picture.period
    moving = asked.until is None or is_moving(asked.until) or (asked.start is not None and is_moving(asked.start))
    if not moving and period.end + SETTLED <= now:
        return DAY
    if picture.unfinished is None:
        return min(MOST, period.seconds)
    after = next(edge for edge in period.edges if edge > now)
    return max(1, min(MOST, int((after - now).total_seconds())))


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


@lru_cache(maxsize=256)
def takes_gzip(accept_encoding: str | None) -> bool:
    """Whether a gzipped answer is welcome; `*` speaks for what isn't named."""
    welcome = {}
    for part in (accept_encoding or "").lower().split(","):
        name, _, quality = part.partition(";")
        welcome[name.strip()] = quality.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return welcome.get("gzip", welcome.get("*", False))
