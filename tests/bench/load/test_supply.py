"""The batches of a load."""

import json
import time
from collections.abc import Callable
from itertools import pairwise

import pytest

from bench.load.supply import Load, Supply, Transport


def ticking(*moments: float) -> Callable[[], float]:
    return iter(moments).__next__


@pytest.mark.parametrize("transport", ["ws", "http-json", "http-ndjson", "http-line"])
def test_batches_have_the_form_of_their_transport(transport: Transport) -> None:
    supply = Supply(Load(transport=transport, batch=3, series=2, readings=5))
    assert supply.take() is None, "before the start"
    supply.start()
    batches = [batch for batch in (supply.take(), supply.take(), supply.take()) if batch]
    assert [batch.readings for batch in batches] == [3, 2]
    assert len({batch.id for batch in batches}) == 2
    payload = batches[0].payload
    match transport:
        case "ws":
            frame = json.loads(payload)
            assert frame["id"] == batches[0].id
            readings = frame["readings"]
        case "http-json":
            readings = json.loads(payload)
        case "http-ndjson":
            readings = [json.loads(line) for line in payload.splitlines()]
        case _:
            assert payload.startswith(b"bench\\ 0 plan=30,fact=25 ")
            assert payload.count(b"\n") == 2
            return
    assert [reading["series"] for reading in readings] == ["bench 0", "bench 1", "bench 0"]
    assert [reading["ts"] - readings[0]["ts"] for reading in readings] == [0, 1, 2]


@pytest.mark.parametrize(("transport", "units"), [("http-ndjson", 1e3), ("http-line", 1e6)])
def test_times_are_spread_over_the_past(transport: Transport, units: float) -> None:
    supply = Supply(Load(transport=transport, batch=4, readings=10, over=3600))
    supply.start()
    lines = [line for batch in iter(supply.take, None) for line in batch.payload.splitlines()]
    times = [json.loads(line)["ts"] if line.startswith(b"{") else int(line.split()[-1]) for line in lines]
    assert [after - before for before, after in pairwise(times)] == [units * 360] * 9
    assert times[0] / units == pytest.approx(time.time() - 3600, abs=60)


def test_a_rate_lets_a_batch_out_when_it_is_due() -> None:
    supply = Supply(Load(batch=10, rate=100), ticking(0, 0, 0.05, 0.1, 0.1, 0.21))
    supply.start()
    taken = [supply.take() is not None for _ in range(5)]
    assert taken == [True, False, True, False, True]
