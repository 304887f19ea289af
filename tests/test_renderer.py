"""The worker processes: what becomes of a picture whose worker hangs or dies, and of one too many."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import psutil
import pytest

from service import renderer
from service.errors import Unavailable
from service.metrics import Metrics
from service.renderer import Renderer
from tests.pictures import nothing, picture

pytestmark = pytest.mark.anyio


def hang(*_: Any, packed: bool) -> bytes:
    """As a picture that never comes out; one without readings does."""
    if _[0].numbers.panels:
        time.sleep(60)
    return b"drawn"


def die(*_: Any, packed: bool) -> bytes:
    os._exit(1)


@asynccontextmanager
async def rendering(work: Callable[..., bytes], seconds: float = 20) -> AsyncIterator[Renderer]:
    made = Renderer(1, Metrics(), work=work, timeout=seconds)
    try:
        yield made
    finally:
        await made.close()


async def test_a_worker_that_hangs_is_replaced_and_the_request_answered() -> None:
    async with rendering(hang, seconds=2) as made:
        assert await made.draw(nothing(), "png") == b"drawn"
        started = time.monotonic()
        with pytest.raises(Unavailable, match="within 2 seconds"):
            await made.draw(picture(), "png")
        assert time.monotonic() - started < 10
        assert await made.draw(nothing(), "png") == b"drawn"


async def test_a_worker_that_dies_each_time_is_an_answer_too() -> None:
    async with rendering(die) as made:
        with pytest.raises(Unavailable, match="died"):
            await made.draw(picture(), "png")


async def test_a_worker_that_dies_is_replaced() -> None:
    made = Renderer(1, Metrics())
    try:
        await made.draw(picture(), "svg")
        for child in psutil.Process().children(recursive=True):
            if "spawn_main" in " ".join(child.cmdline()):
                child.kill()
        for _ in range(3):
            assert (await made.draw(picture(), "svg")).startswith(b"<svg")
    finally:
        await made.close()


async def test_one_picture_too_many_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renderer, "MAX_WAITING", 2)
    async with rendering(hang, seconds=3) as made:
        waiting = [asyncio.create_task(made.draw(picture(), "png")) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(Unavailable, match="Too many charts"):
            await made.draw(nothing(), "png")
        await asyncio.gather(*waiting, return_exceptions=True)
