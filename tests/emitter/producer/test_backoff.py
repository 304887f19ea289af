"""Waiting after failures."""

from emitter.producer.backoff import FIRST, LONGEST, Backoff, retry_after


def test_waits_grow_and_begin_anew_after_a_success() -> None:
    backoff = Backoff()
    waits = [backoff.fail() for _ in range(20)]
    assert FIRST / 2 <= waits[0] <= FIRST
    assert all(LONGEST / 2 <= wait <= LONGEST for wait in waits[8:])
    assert len(set(waits[8:])) > 1
    backoff.succeed()
    assert backoff.fail() <= FIRST
    assert backoff.fail(asked=7) == 7


def test_patience_ends_after_failures_in_a_row() -> None:
    time = [100.0]
    backoff = Backoff(30, clock=lambda: time[0])
    backoff.fail()
    time[0] += 29
    assert not backoff.exhausted(0.5)
    assert backoff.exhausted(2)
    backoff.succeed()
    backoff.fail()
    assert not backoff.exhausted(2)


def test_retry_after_as_number_and_as_date() -> None:
    assert retry_after("7") == 7
    assert retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0
    assert retry_after(None) is retry_after("soon") is None
