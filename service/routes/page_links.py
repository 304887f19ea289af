"""The ways between the live page, the records and a chart: period, series and zone go along."""

from service.live.view import PERIODS, begin
from service.routes.record_parameters import Choice, address


def from_live(period: str, series: tuple[str, ...], tz: str) -> dict[str, str]:
    """Where the records and the chart of what the live page shows are; links.js does the same when that changes."""
    same = {"series": series, "from": begin(period), "tz": tz or None}
    return {"to_records": address("/display", **same), "to_chart": address("/chart", **same, format="html")}


def from_records(choice: Choice, since: str | None) -> dict[str, str | None]:
    """Where the live page and the chart of the chosen records are; a chart begins at `since`, and without one there is
    none. The live page has a few periods only."""
    same = {"series": choice.series, "tz": choice.tz or None}
    period = next((name for name in PERIODS if choice.start == begin(name) and choice.end in ("", "now")), None)
    chart = {"from": since, "until": choice.end or None, **same, "format": "html"}
    return {"to_live": address("/", period=period, **same), "to_chart": address("/chart", **chart) if since else None}
