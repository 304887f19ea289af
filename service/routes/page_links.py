"""The links between the live page, the records and a chart, which keep period, series and time zone."""

from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from service.live.spans import LONGEST, PERIODS, SHIFT_PERIODS, asked_for
from service.period.ends import Asked
from service.period.selection import END
from service.routes.record_parameters import Choice, address


def from_live(
    asked: Asked, series: tuple[str, ...], tz: str, zone: str, chosen: Sequence[tuple[str, str]] = ()
) -> dict[str, str]:
    """The addresses of the records and the chart for a view of the live page, and of its picture in `zone`; the chart
    has what was chosen for it. links.js does the same for the first two when the view changes."""
    span = {"from": asked.start, "until": asked.until, "shift": asked.shift}
    same = {"series": series, **span, "tz": tz or None}
    return {
        "to_records": address("/display", **same),
        "to_chart": address("/chart", **same, **dict(chosen), format="html"),
        "to_picture": address("/chart", **{**same, **dict(chosen), "tz": zone}, format="svg"),
    }


def from_records(choice: Choice, since: str | None) -> dict[str, str | None]:
    """The addresses of the live page and the chart for the selected records. The chart begins at `since`; where that is
    None there is no chart."""
    same = {"series": choice.series, "tz": choice.tz or None}
    span = {"shift": choice.shift} if choice.shift else {"from": since, "until": choice.end or None}
    chart = {**span, **same, "format": "html"}
    return {
        "to_live": address("/", **_live_span(choice), **same),
        "to_chart": address("/chart", **chart) if since else None,
    }


def _live_span(choice: Choice) -> dict[str, str | None]:
    """The period of the live page; its default where the selected one has no beginning, or is too long for it."""
    until = choice.end if choice.end != "now" else ""
    asked = Asked(choice.start or None, until or None, choice.shift or None)
    named = next((name for name in PERIODS | SHIFT_PERIODS if asked == asked_for(name)), None)
    start, end = choice.selection.start, choice.selection.end
    if named or not (choice.start or choice.shift) or (datetime.now(UTC) if end == END else end) - start > LONGEST:
        return {"period": named}
    if not choice.shift:
        return {"from": choice.start, "until": until or None}
    first, last = (f"{one.astimezone(ZoneInfo(choice.zone)):%Y-%m-%d %H:%M}" for one in (start, end))
    return {"from": first, "until": last}
