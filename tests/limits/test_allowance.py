"""How an allowance is shared."""

from hypothesis import given
from hypothesis import strategies as st

from service.limits.allowance import Allowance


def test_one_alone_gets_half_and_two_a_third_each() -> None:
    memory = Allowance(120)
    one, other = memory.hold("one"), memory.hold("other")
    assert one.take(60)
    assert not one.take(1)
    one.set(40)
    assert other.take(40)
    assert not one.take(1)
    assert not other.take(1)
    assert memory.hold("third").take(20)


def test_a_proxy_stands_for_many_and_gets_all() -> None:
    memory = Allowance(100)
    assert memory.hold(None).take(100)
    assert not memory.hold(None).take(1)


def test_what_is_there_already_is_counted_and_stops_more() -> None:
    memory = Allowance(80)
    hold, second = memory.hold("one"), memory.hold("one")
    assert hold.set(39)
    assert not hold.set(45)
    assert not second.has_room
    assert not second.overdrawn
    assert not hold.set(46)
    assert second.overdrawn
    assert hold.set(0)
    assert second.has_room


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 60))))
def test_what_was_given_back_is_free_again(steps: list[tuple[str, int]]) -> None:
    memory = Allowance(100)
    holds = {address: memory.hold(address) for address in "abc"}
    for address, amount in steps:
        before = memory.used
        if not holds[address].take(amount):
            assert memory.used == before
        assert memory.used <= memory.limit
    for hold in holds.values():
        with hold:
            pass
    assert memory.used == 0
    assert memory.left("a") == 100
