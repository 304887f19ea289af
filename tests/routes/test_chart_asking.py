from datetime import UTC, datetime, timedelta

import pytest

from service.period.selection import ALL_SERIES
from service.routes.chart.asking import asking, within_second
from service.routes.chart.chart_parameters import ChartParameters
from service.routes.defaults import Defaults

DEFAULTS = Defaults("Europe/Berlin", "%H:%M", 50, ("plan", "fact"), "")
EDGE = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
JUST_AROUND = [timedelta(seconds=second, microseconds=rest) for second in (-1, 0, 29, 30) for rest in (0, 1, 999_999)]


@pytest.mark.parametrize("start", [None, "-1h", "-90s", "now-1d/d", "6:30am", "2026-11-22T11:50:59.7Z"])
@pytest.mark.parametrize("until", [None, "now", "now+30s", "now/h"])
@pytest.mark.parametrize("after", JUST_AROUND)
def test_all_times_of_a_second_ask_the_same(start: str | None, until: str | None, after: timedelta) -> None:
    now = EDGE + after
    parameters = ChartParameters(start=start, until=until)
    exact = asking(parameters, "png", ALL_SERIES, DEFAULTS, "en", now)
    kept = asking(parameters, "png", ALL_SERIES, DEFAULTS, "en", within_second(now))
    assert kept.question == exact.question
    assert kept.keep_until is not None
    assert exact.keep_until is not None
    assert abs(kept.keep_until - exact.keep_until) <= timedelta(seconds=1)
