"""Decisions about what to send next, without a connection."""

import time

import pytest

from emitter.producer import Batch, Link, Refused, Tally, Unreachable, Written
from emitter.producer.answers import Problem
from emitter.producer.exchange import SETTLED, Exchange
from tests.desk import make_batches


def exchange(batches: list[Batch], settled_after: float = SETTLED, **link: float) -> Exchange:
    waiting = iter(batches)
    link_there = Link(url="ws://there/", window=3, **link)  # type: ignore[arg-type]
    return Exchange(link_there, lambda: next(waiting, None), lambda *_: None, Tally(), settled_after=settled_after)


def sent(exchange: Exchange) -> list[str]:
    ids = []
    while batch := exchange.next():
        ids.append(batch.id)
    return ids


def test_what_is_sent_again_comes_first_and_in_order() -> None:
    talk = exchange(make_batches(6))
    talk.begin()
    assert sent(talk) == ["b0", "b1", "b2"]
    talk.hear(Written("b1", 1))
    assert sent(talk) == ["b3"]
    talk.lost(ConnectionResetError())
    talk.begin()
    assert sent(talk) == ["b0", "b2", "b3"]
    talk.hear(Written("b0", 1))
    assert sent(talk) == ["b4"]


def test_a_pause_holds_everything_back_until_it_is_over() -> None:
    talk = exchange(make_batches(6))
    talk.begin()
    assert sent(talk) == ["b0", "b1", "b2"]
    for late in ("b1", "b0"):
        talk.hear(Refused(late, Problem(503, retry_after=0.06)))
    assert sent(talk) == []
    assert 0 < talk.pause() <= 0.11
    time.sleep(talk.pause() + 0.001)
    assert sent(talk) == ["b0", "b1"]


def test_attempts_that_take_long_wear_out_the_patience() -> None:
    """Where a host drops every packet, a failing attempt lasts as long as a good connection on which nothing was
    sent."""
    talk = exchange([], settled_after=0, patience=0.3)
    with pytest.raises(Unreachable, match="no answer to the connection attempt"):
        for _ in range(10):
            time.sleep(talk.lost(TimeoutError()))
