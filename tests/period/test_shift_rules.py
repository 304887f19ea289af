"""The setting SHIFTS: what it may say, and what is said of one that can't be read."""

import pytest

from service.errors import StartError
from service.period.shift_rules import ShiftRule, read_shift_rules
from service.settings import Settings

EXAMPLE = "early 06:00-14:00 break 10:00-10:15; late 14:00-22:00; night 22:00-06:00; days mon-fri"


def test_days_alone_are_for_all_shifts_without_their_own() -> None:
    assert read_shift_rules(EXAMPLE) == (
        ShiftRule("early", (360, 840), ((600, 615),), (0, 1, 2, 3, 4)),
        ShiftRule("late", (840, 1320), (), (0, 1, 2, 3, 4)),
        ShiftRule("night", (1320, 1800), (), (0, 1, 2, 3, 4)),
    )
    weekend = read_shift_rules("days mon-fri; a 6:00-7:00; b 6:00-7:00 days sat, sun")
    assert [rule.days for rule in weekend] == [(0, 1, 2, 3, 4), (5, 6)]


@pytest.mark.parametrize("text", ["", "  ", ";", " ; ; "])
def test_there_may_be_none(text: str) -> None:
    assert read_shift_rules(text) == ()


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("a 00:00-24:00", ShiftRule("a", (0, 1440), (), tuple(range(7)))),
        ("a 22:00-24:00 days sun", ShiftRule("a", (1320, 1440), (), (6,))),
        ("a 22:00-00:00 days sun", ShiftRule("a", (1320, 1440), (), (6,))),
        ("a 20:00-19:00 days wed", ShiftRule("a", (1200, 2580), (), (2,))),
        ("a 6:00-14:00 days fri-mon", ShiftRule("a", (360, 840), (), (0, 4, 5, 6))),
        ("a 6:00-14:00 days mon,wed-thu,sun", ShiftRule("a", (360, 840), (), (0, 2, 3, 6))),
        ("a 6:00-14:00 DAYS Mon , Tue Break 8:00-8:30", ShiftRule("a", (360, 840), ((480, 510),), (0, 1))),
        (
            "a 22:00-06:00 break 02:00-02:30 break 23:45-00:15 break 22:00-22:15 days mon",
            ShiftRule("a", (1320, 1800), ((1320, 1335), (1425, 1455), (1560, 1590)), (0,)),
        ),
        ("a 22:00-06:00 break 23:30-24:00 days tue", ShiftRule("a", (1320, 1800), ((1410, 1440),), (1,))),
        ("Früh-1_b 6:00-14:00 days mon", ShiftRule("Früh-1_b", (360, 840), (), (0,))),
        ("दिन 6:00-14:00 days mon", ShiftRule("दिन", (360, 840), (), (0,))),
    ],
)
def test_a_shift_is_read(text: str, rule: ShiftRule) -> None:
    assert read_shift_rules(text) == (rule,)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("early 06:00-14:00; days mon-fry", "'days mon-fry' has 'fry', which is no day; write days like mon-fri,sun"),
        ("early 06:00-14:00 days", "'early 06:00-14:00 days' has '', which is no day"),
        ("early 06:00-14:00 days mon,mon", "'early 06:00-14:00 days mon,mon' names a day twice"),
        ("early 06:00-14:00; days mon; days tue", "'days tue' are the days of all shifts a second time"),
        ("days mon", "'days mon' are days without a shift"),
        ("early 25:00-14:00", "'early 25:00-14:00' has '25:00-14:00' where times belong"),
        ("early 24:30-14:00", "has '24:30-14:00' where times belong"),
        ("early 24:00-14:00", "has '24:00-14:00' where times belong"),
        ("early 06:60-14:00", "has '06:60-14:00' where times belong"),
        ("early 6-14", "has '6-14' where times belong; write them like 06:00-14:00"),
        ("early", "'early' has '' where times belong"),
        ("early 06:00-14:00 10:00-10:15", "has '10:00-10:15', where only break or days may stand"),
        ("early 06:00-14:00 break", "'early 06:00-14:00 break' has '' where times belong"),
        ("early 06:00-06:00", "has '06:00-06:00', which is no length; a whole day is 00:00-24:00"),
        ("early 06:00-14:00 break 10:00-10:00", "has '10:00-10:00', which is no length"),
        (
            "a 06:00-14:00; b 14:00-22:00 break 22:00-22:15",
            "'b 14:00-22:00 break 22:00-22:15' has a break from 22:00 to 22:15, which isn't in the shift",
        ),
        ("a 06:00-14:00 break 05:00-06:15", "has a break from 05:00 to 06:15, which isn't in the shift"),
        ("a 06:00-14:00 break 9:00-9:30 break 9:15-9:45", "has two breaks at 09:15"),
        ("a 06:00-14:00 break 6:00-9:00 break 9:00-14:00", "has nothing but breaks"),
        ("06:00-14:00", "'06:00-14:00' has no name to begin with"),
        ("break 06:00-14:00", "'break 06:00-14:00' has no name to begin with"),
        ("Last-Shift 06:00-14:00", "has no name to begin with"),
        ('"early bird" 06:00-14:00', "has no name to begin with"),
        (f"{'a' * 41} 06:00-14:00", "has no name to begin with: up to 40 letters"),
        ("Früh 06:00-14:00; FRÜH 14:00-22:00", "two shifts are named 'FRÜH'"),
        ("a 06:00-14:00; b 13:59-22:00", "the shifts 'a' and 'b' overlap on mon 13:59"),
        ("a 22:00-06:01; b 06:00-14:00", "the shifts 'a' and 'b' overlap on tue 06:00"),
        ("a 22:00-06:01 days sun; b 06:00-14:00 days mon", "the shifts 'a' and 'b' overlap on mon 06:00"),
        ("a 06:00-05:01; b 5:00-5:30", "the shifts 'a' and 'b' overlap on tue 05:00"),
        ("a 06:00-14:00; b 06:00-14:00", "overlap on mon 06:00"),
    ],
)
def test_what_is_wrong_is_said_at_the_start(text: str, said: str) -> None:
    with pytest.raises(StartError, match=r"^SHIFTS: ") as caught:
        Settings.load(shifts=text)
    assert said in caught.value.detail


def test_shifts_on_different_days_may_be_at_the_same_time() -> None:
    assert len(read_shift_rules("a 06:00-14:00 days mon-fri; b 06:00-14:00 days sat; c 22:00-06:00 days fri")) == 3
    assert len(read_shift_rules("a 00:00-24:00 days sat; b 14:00-00:00 days fri; c 00:00-01:00 days sun")) == 3
