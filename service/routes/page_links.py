"""The links between the live page, the records and a chart, which carry period, series and zone along."""

from service.live.view import PERIODS, period_start
from service.routes.record_parameters import Choice, address


def from_live(period: str, series: tuple[str, ...], tz: str) -> dict[str, str]:
    """The addresses of the records and of the chart that belong to a view; links.js does the same when that changes."""
    same = {"series": series, "from": period_start(period), "tz": tz or None}
    return {"to_records": address("/display", **same), "to_chart": address("/chart", **same, format="html")}


def from_records(choice: Choice, since: str | None) -> dict[str, str | None]:
    """The addresses of the live page and of the chart that belong to the chosen records. The chart begins at `since`;
    without that there is none. The live page has a few periods only, and shows its default for any other."""
    same = {"series": choice.series, "tz": choice.tz or None}
    period = next((name for name in PERIODS if choice.start == period_start(name) and choice.end in ("", "now")), None)
    chart = {"from": since, "until": choice.end or None, **same, "format": "html"}
    return {"to_live": address("/", period=period, **same), "to_chart": address("/chart", **chart) if since else None}
