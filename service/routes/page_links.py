"""The links between the live page, the records and a chart, which keep period, series and time zone."""

from service.live.view import PERIODS, period_start
from service.routes.record_parameters import Choice, address


def from_live(period: str, series: tuple[str, ...], tz: str) -> dict[str, str]:
    """The addresses of the records and the chart for a view of the live page; links.js does the same when the view
    changes."""
    same = {"series": series, "from": period_start(period), "tz": tz or None}
    return {"to_records": address("/display", **same), "to_chart": address("/chart", **same, format="html")}


def from_records(choice: Choice, since: str | None) -> dict[str, str | None]:
    """The addresses of the live page and the chart for the selected records. The chart begins at `since`; where that is
    None there is no chart. The live page has only a few periods, and shows its default where none of them fits."""
    same = {"series": choice.series, "tz": choice.tz or None}
    period = next((name for name in PERIODS if choice.start == period_start(name) and choice.end in ("", "now")), None)
    span = {"shift": choice.shift} if choice.shift else {"from": since, "until": choice.end or None}
    chart = {**span, **same, "format": "html"}
    return {"to_live": address("/", period=period, **same), "to_chart": address("/chart", **chart) if since else None}
