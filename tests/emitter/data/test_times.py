"""Times as people write them."""

from datetime import UTC, datetime, timedelta

import pytest

from emitter.data.times import parse_instant

NOW = datetime(2026, 3, 18, 12, 0, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("now", NOW),
        ("now-2h", NOW - timedelta(hours=2)),
        ("-2h", NOW - timedelta(hours=2)),
        ("-1h30m", NOW - timedelta(hours=1.5)),
        ("now+90s", NOW + timedelta(seconds=90)),
        ("2026-01-31T14:05:00Z", datetime(2026, 1, 31, 14, 5, tzinfo=UTC)),
        ("2026-01-31 15:05:00+01:00", datetime(2026, 1, 31, 14, 5, tzinfo=UTC)),
        ("1769868300", datetime(2026, 1, 31, 14, 5, tzinfo=UTC)),
        ("1769868300.5", datetime(2026, 1, 31, 14, 5, 0, 500_000, tzinfo=UTC)),
        ("1769868300000", datetime(2026, 1, 31, 14, 5, tzinfo=UTC)),
        ("1769868300000000", datetime(2026, 1, 31, 14, 5, tzinfo=UTC)),
        ("1769868300000000000", datetime(2026, 1, 31, 14, 5, tzinfo=UTC)),
        ("-3600", datetime(1969, 12, 31, 23, tzinfo=UTC)),
    ],
)
def test_instants(text: str, moment: datetime) -> None:
    assert parse_instant(text, NOW) == moment


@pytest.mark.parametrize("text", ["", "tomorrow", "2026-01-31T14:05:00", "now-", "now-soon", "-9999999d", "1e400"])
def test_no_instants(text: str) -> None:
    with pytest.raises(ValueError, match="'"):
        parse_instant(text, NOW)
