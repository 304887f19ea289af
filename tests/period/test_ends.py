"""Where a period begins and ends that is named by a shift."""

from datetime import UTC, datetime

import pytest

from service.errors import BadRequest
from service.period.ends import Asked, Ends, read_ends
from service.period.shifts import NO_SHIFTS, Shifts

WEEK = Shifts.read("early 06:00-14:00; late 14:00-22:00; night 22:00-06:00; days mon-fri", "Europe/Berlin")
TUESDAY, SUNDAY = "2026-11-24T12:00+01:00", "2026-11-29T12:00+01:00"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def ends(now: str, asked: dict[str, str], shifts: Shifts = WEEK) -> Ends:
    return read_ends(Asked(**asked), "America/New_York", at(now), shifts)


def shown(now: str, asked: dict[str, str]) -> str:
    found = ends(now, asked)
    times = (f"{one.astimezone(UTC):%d %H:%M}" if one else "" for one in (found.start, found.until))
    return " to ".join(times) + (f", {found.shift.name} {found.shift.date:%d}" if found.shift else "")


@pytest.mark.parametrize(
    ("now", "asked", "expected"),
    [
        (TUESDAY, {"start": "shift", "until": "shift"}, "24 05:00 to 24 13:00, early 24"),
        (TUESDAY, {"start": " SHIFT ", "until": "shift"}, "24 05:00 to 24 13:00, early 24"),
        (TUESDAY, {"start": "shift"}, "24 05:00 to , early 24"),
        (TUESDAY, {"start": "shift", "until": "now"}, "24 05:00 to 24 11:00, early 24"),
        (TUESDAY, {"start": "last-shift", "until": "last-shift"}, "23 21:00 to 24 05:00, night 23"),
        (TUESDAY, {"start": "last-shift", "until": "shift"}, "23 21:00 to 24 13:00"),
        (TUESDAY, {"start": "last-shift"}, "23 21:00 to "),
        (TUESDAY, {"start": "-1h", "until": "shift"}, "24 10:00 to 24 13:00"),
        (TUESDAY, {"until": "last-shift"}, " to 24 05:00"),
        (TUESDAY, {"shift": "shift"}, "24 05:00 to 24 13:00, early 24"),
        (TUESDAY, {"shift": "last-shift"}, "23 21:00 to 24 05:00, night 23"),
        (TUESDAY, {"shift": "Early"}, "24 05:00 to 24 13:00, early 24"),
        (TUESDAY, {"shift": "late"}, "23 13:00 to 23 21:00, late 23"),
        (TUESDAY, {"shift": "late@2026-11-24"}, "24 13:00 to 24 21:00, late 24"),
        (TUESDAY, {"shift": "late@20261120"}, "20 13:00 to 20 21:00, late 20"),
        (TUESDAY, {"shift": "night@yesterday"}, "23 21:00 to 24 05:00, night 23"),
        (TUESDAY, {"shift": "early@Tomorrow"}, "25 05:00 to 25 13:00, early 25"),
        # none is running: what is shown is the one that was over last, whichever word is used
        (SUNDAY, {"start": "shift", "until": "shift"}, "27 21:00 to 28 05:00, night 27"),
        (SUNDAY, {"start": "last-shift", "until": "last-shift"}, "27 21:00 to 28 05:00, night 27"),
        (SUNDAY, {"start": "shift"}, "27 21:00 to "),
    ],
)
def test_a_shift_has_a_beginning_and_an_end(now: str, asked: dict[str, str], expected: str) -> None:
    assert shown(now, asked) == expected


@pytest.mark.parametrize(
    ("asked", "field", "said"),
    [
        (
            {"shift": "early", "start": "-1h"},
            "shift",
            "has a beginning and an end of its own; leave from and until out",
        ),
        ({"shift": "shift", "until": "now"}, "shift", "leave from and until out"),
        ({"shift": "earl"}, "shift", "'earl' isn't a shift; allowed are early, late, night, shift, last-shift"),
        ({"shift": "early@2026-11-28"}, "shift", "there is no shift 'early' on 2026-11-28, a Saturday"),
        ({"shift": "early@2026-11-31"}, "shift", "'2026-11-31' isn't a date; write one like 2026-11-24"),
        ({"shift": "early@1066-10-14"}, "shift", "isn't a date"),
        ({"shift": "early@"}, "shift", "'' isn't a date"),
        ({"shift": "@2026-11-24"}, "shift", "'' isn't a shift"),
        ({"start": "shift-1h"}, "from", "'shift-1h' isn't a time"),
    ],
)
def test_what_is_no_shift_is_said(asked: dict[str, str], field: str, said: str) -> None:
    with pytest.raises(BadRequest) as caught:
        ends(TUESDAY, asked)
    assert caught.value.faults[0].field == field
    assert said in caught.value.detail


@pytest.mark.parametrize(
    ("asked", "field"),
    [({"start": "shift"}, "from"), ({"until": "last-shift"}, "until"), ({"shift": "early"}, "shift")],
)
def test_without_shifts_the_setting_is_named(asked: dict[str, str], field: str) -> None:
    with pytest.raises(BadRequest, match="the setting SHIFTS names them") as caught:
        ends(TUESDAY, asked, NO_SHIFTS)
    assert caught.value.faults[0].field == field


def test_whether_a_shift_moves() -> None:
    assert Asked(start="shift", until="shift").moves
    assert Asked(start="2026-11-24", until="last-shift").moves
    assert Asked(shift="early").moves
    assert Asked(shift="early@yesterday").moves
    assert not Asked(shift="early@2026-11-24").moves
    assert Asked(shift="early").has_shift
    assert Asked(until="Last-Shift").has_shift
    assert not Asked(start="-1h").has_shift
