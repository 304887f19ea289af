"""Durations."""

from datetime import timedelta

import pytest

from emitter.quantities import parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("10s", 10),
        ("1m", 60),
        ("90min", 5400),
        ("2h", 7200),
        ("1d", 86400),
        ("1w", 604800),
        ("1h30m", 5400),
        ("250ms", 0.25),
        ("2.5", 2.5),
        ("PT10S", 10),
        ("P1DT2H3M4.5S", 93784.5),
        ("P2W", 1209600),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "soon", "10 parsecs", "h", "-5s", "P", "PT", "1h nonsense", "9" * 30])
def test_no_durations(text: str) -> None:
    with pytest.raises(ValueError, match="'"):
        parse_duration(text)
