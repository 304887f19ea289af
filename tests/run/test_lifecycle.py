"""Stopping in order: one stage after the other within one deadline, whatever the parts do."""

import asyncio
import re
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from service.run.lifecycle import LAST_RESORT, Lifecycle, Stage, ends

pytestmark = pytest.mark.anyio

ARCHITECTURE = Path(__file__).parents[2] / "docs" / "architecture.md"


async def hang() -> None:
    await asyncio.Event().wait()


async def fail() -> None:
    raise OSError("it is broken")


def noting(done: list[str], what: str, seconds: float = 0.01) -> Callable[[], Awaitable[None]]:
    async def note() -> None:
        done.append(f"{what} begins")
        await asyncio.sleep(seconds)
        done.append(f"{what} ends")

    return note


async def test_a_stage_begins_when_the_one_before_is_done() -> None:
    lifecycle, done = Lifecycle(10), list[str]()
    for stage in reversed(Stage):
        lifecycle.at(stage, "a part", noting(done, stage.value))
    await lifecycle.stop()
    assert done == [f"{stage.value} {what}" for stage in Stage for what in ("begins", "ends")]


async def test_the_parts_of_a_stage_work_at_the_same_time() -> None:
    lifecycle, done = Lifecycle(10), list[str]()
    lifecycle.at(Stage.REFUSE, "slow", noting(done, "slow", 0.1))
    lifecycle.at(Stage.REFUSE, "quick", noting(done, "quick"))
    await lifecycle.stop()
    assert done == ["slow begins", "quick begins", "quick ends", "slow ends"]


async def test_it_stops_once_however_often_it_is_told() -> None:
    lifecycle, done = Lifecycle(10), list[str]()
    lifecycle.at(Stage.DRAIN, "a part", noting(done, "a part"))
    assert not lifecycle.begun
    lifecycle.begin()
    assert lifecycle.begun
    await asyncio.gather(lifecycle.stop(), lifecycle.stop())
    await lifecycle.stop()
    assert done == ["a part begins", "a part ends"]


@pytest.mark.parametrize("grace", [0, 0.1, 1, 4, 10, 60])
def test_all_stages_share_the_grace(grace: float) -> None:
    limits = list(ends(grace).values())
    assert limits == sorted(limits)
    assert limits[0] >= 0
    assert limits[-1] <= grace
    assert grace < 10 or limits[-1] <= grace - LAST_RESORT


async def test_parts_that_hang_at_every_stage_are_cut_off_within_the_one_grace() -> None:
    lifecycle, late = Lifecycle(0.8), list[tuple[str, float]]()
    began = time.monotonic()

    def note(stage: str) -> Callable[[], None]:
        return lambda: late.append((stage, time.monotonic() - began))

    for stage in Stage:
        lifecycle.at(stage, f"stuck at {stage.value}", hang, late=note(stage.value))
    with capture_logs() as logs:
        await lifecycle.stop()
    assert time.monotonic() - began < 3 * 0.8  # with a grace for each stage it would be longer on any machine
    assert [stage for stage, _ in late] == [stage.value for stage in Stage]
    for (_, at), limit in zip(late, ends(0.8).values(), strict=True):
        assert at >= limit - 0.01
    named = [entry for entry in logs if entry["event"] == "no time left to wait for this"]
    assert [(one["stage"], one["part"]) for one in named] == [(s.value, f"stuck at {s.value}") for s in Stage]


async def test_a_part_that_hangs_is_cancelled_and_the_others_are_not_kept_from_ending() -> None:
    lifecycle, done = Lifecycle(0.4), list[str]()
    cancelled = asyncio.Event()

    async def stuck() -> None:
        try:
            await hang()
        finally:
            cancelled.set()

    lifecycle.at(Stage.REFUSE, "stuck", stuck)
    lifecycle.at(Stage.REFUSE, "quick", noting(done, "quick"))
    lifecycle.at(Stage.DRAIN, "next", noting(done, "next", 0))
    with capture_logs() as logs:
        await lifecycle.stop()
    await asyncio.wait_for(cancelled.wait(), 1)
    assert done == ["quick begins", "quick ends", "next begins", "next ends"]
    assert [entry["part"] for entry in logs if "part" in entry] == ["stuck"]


async def test_a_part_that_fails_keeps_nobody_from_stopping() -> None:
    lifecycle, done = Lifecycle(10), list[str]()
    lifecycle.at(Stage.REFUSE, "broken", fail)
    lifecycle.at(Stage.REFUSE, "other", noting(done, "other"))
    lifecycle.at(Stage.CLOSE, "next", noting(done, "next"))
    with capture_logs() as logs:
        await lifecycle.stop()
    assert done == ["other begins", "other ends", "next begins", "next ends"]
    [entry] = [entry for entry in logs if entry["log_level"] == "error"]
    assert (entry["stage"], entry["part"]) == ("refuse", "broken")
    assert entry["exc_info"]


async def test_what_fails_when_a_part_is_cut_off_keeps_nobody_from_stopping() -> None:
    lifecycle, done = Lifecycle(0.2), list[str]()

    def break_off() -> None:
        raise OSError("it is broken")

    lifecycle.at(Stage.DRAIN, "stuck", hang, late=break_off)
    lifecycle.at(Stage.CLOSE, "next", noting(done, "next", 0))
    with capture_logs() as logs:
        await lifecycle.stop()
    assert done == ["next begins", "next ends"]
    assert [entry["part"] for entry in logs if entry["log_level"] == "error"] == ["stuck"]


async def test_every_part_begins_even_without_any_time() -> None:
    lifecycle, done = Lifecycle(0), list[str]()
    for stage in Stage:
        lifecycle.at(stage, "a part", noting(done, stage.value, 5))
    await asyncio.wait_for(lifecycle.stop(), 1)
    assert done == [f"{stage.value} begins" for stage in Stage]


async def test_who_is_in_a_hurry_waits_for_nothing_that_hangs() -> None:
    lifecycle, done = Lifecycle(60), list[str]()
    lifecycle.at(Stage.DRAIN, "stuck", hang)
    lifecycle.at(Stage.ACKNOWLEDGE, "next", noting(done, "next"))
    lifecycle.at(Stage.CLOSE, "stuck too", hang)
    lifecycle.begin()
    await asyncio.sleep(0.05)
    began = time.monotonic()
    lifecycle.hurry()
    await lifecycle.stop()
    assert time.monotonic() - began < 2
    assert done == ["next begins", "next ends"]


async def test_the_process_is_left_at_the_end_of_the_grace_even_if_the_event_loop_hangs() -> None:
    left = threading.Event()
    lifecycle = Lifecycle(LAST_RESORT + 0.1, left.set)
    began = time.monotonic()
    lifecycle.begin()
    assert left.wait(2)  # which blocks the event loop
    assert time.monotonic() - began >= 0.1
    await lifecycle.stop()


def test_the_docs_have_the_stages_and_their_times() -> None:
    text = ARCHITECTURE.read_text(encoding="utf-8").split("## Stopping")[1]
    rows = re.findall(r"^\| ([\w ]+) \| (\d\.\d) s \| ([\d.]+) s \|", text, re.MULTILINE)
    expected = zip(ends(10).items(), ends(4).values(), strict=True)
    assert [(name, float(ten), float(four)) for name, ten, four in rows] == [
        (stage.value, ten, four) for (stage, ten), four in expected
    ]
