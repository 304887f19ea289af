"""Wrong keys are slowed down by address."""

import pytest

from service.access.guesses import AT_ONCE, EVERY, MAX_ADDRESSES, Guesses


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("service.access.guesses.time.monotonic", clock)
    return clock


def test_after_some_an_address_has_to_wait_and_others_do_not(clock: Clock) -> None:
    wrong = Guesses().wrong
    assert [wrong("a") for _ in range(AT_ONCE)] == [0] * AT_ONCE
    assert wrong("a") == EVERY
    assert wrong("a") == EVERY  # waiting is over at the time that was said, however often it is tried
    assert wrong("b") == 0
    clock.now += EVERY - 1
    assert wrong("a") == 1
    clock.now += 1
    assert wrong("a") == 0
    assert wrong("a") == EVERY


def test_only_so_many_addresses_are_remembered(clock: Clock) -> None:
    known = Guesses()
    for number in range(MAX_ADDRESSES + 10):
        for _ in range(AT_ONCE):
            known.wrong(str(number))
    assert known.wrong("0") == 0
    assert known.wrong(str(MAX_ADDRESSES)) > 0
