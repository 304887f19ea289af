"""The worker processes: pictures whose worker hangs or dies, and too many pictures at once."""

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from service.charts import renderer
from service.charts.drawing.order import DrawingOrder, carry_out
from service.charts.renderer import MAX_WAITING, Renderer
from service.errors import Unavailable
from service.metrics import Metrics
from service.web.assets import VEGA, Assets
from tests.conftest import Engine, settings_for
from tests.harness import running, until
from tests.pictures import nothing, picture

pytestmark = pytest.mark.anyio


OTHERS: list[psutil.Process] = []


def hang(order: DrawingOrder) -> bytes:
    """Hang, except for a picture without readings."""
    if order.picture.numbers.panels:
        time.sleep(60)
    return b"drawn"


def die(_: DrawingOrder) -> bytes:
    os._exit(1)


def slow(_: DrawingOrder) -> bytes:
    time.sleep(0.3)
    return b"drawn"


def tell(_: DrawingOrder) -> bytes:
    """What the operating system knows about the worker."""
    return json.dumps([os.nice(0), os.getsid(0), len(os.sched_getaffinity(0))]).encode()


def refuse(_: Any) -> None:
    raise OSError("no more processes")


@asynccontextmanager
async def rendering(
    work: Callable[[DrawingOrder], bytes], overall: float = 90, drawing: float = 60, max_waiting: int = MAX_WAITING
) -> AsyncIterator[Renderer]:
    made = Renderer(1, Metrics(), work=work, timeout=overall, drawing_timeout=drawing, max_waiting=max_waiting)
    try:
        yield made
    finally:
        started = time.monotonic()
        await made.close()
        assert time.monotonic() - started < 5  # generous, since the machine may be busy
        assert not workers()


def workers() -> list[psutil.Process]:
    """The workers that this test has started; a service that other tests share has workers as well."""
    children = psutil.Process().children(recursive=True)
    return [child for child in children if child not in OTHERS and _works(child)]


def _works(child: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):  # it may be ending just now
        return child.status() != psutil.STATUS_ZOMBIE and "spawn_main" in " ".join(child.cmdline())
    return False


@pytest.fixture(autouse=True)
def _others() -> None:
    OTHERS.clear()
    OTHERS.extend(workers())


async def test_a_worker_that_hangs_is_replaced_and_the_request_answered() -> None:
    async with rendering(hang, overall=20, drawing=5) as made:
        assert await made.draw(nothing(), "png") == b"drawn"
        started = time.monotonic()
        with pytest.raises(Unavailable, match="within 20 seconds"):
            await made.draw(picture(), "png")
        assert time.monotonic() - started < 30
        assert await made.draw(nothing(), "png") == b"drawn"


async def test_a_worker_that_stopped_while_it_was_idle_is_replaced() -> None:
    async with rendering(hang, drawing=5) as made:
        assert await made.draw(nothing(), "png") == b"drawn"
        [stopped] = workers()
        stopped.suspend()
        assert await asyncio.gather(*(made.draw(nothing(), "png") for _ in range(3))) == [b"drawn"] * 3
        [other] = workers()
        assert other != stopped


@pytest.mark.parametrize("after", [0.0, 0.1])
async def test_closing_does_not_wait_for_a_worker_that_is_stopped_or_draws(after: float) -> None:
    async with rendering(hang) as made:
        assert await made.draw(nothing(), "png") == b"drawn"
        waiting = [asyncio.create_task(made.draw(picture(), "png")) for _ in range(3)]
        await asyncio.sleep(after)
        workers()[0].suspend()
    assert {type(one) for one in await asyncio.gather(*waiting, return_exceptions=True)} == {Unavailable}


async def test_a_worker_that_dies_each_time_is_an_answer_too() -> None:
    async with rendering(die) as made:
        with pytest.raises(Unavailable, match="died"):
            await made.draw(picture(), "png")


async def test_a_worker_that_dies_is_replaced() -> None:
    async with rendering(carry_out) as made:
        await made.draw(picture(), "svg")
        for child in workers():
            child.kill()
        for _ in range(3):
            assert (await made.draw(picture(), "svg")).startswith(b"<svg")


async def test_a_worker_that_dies_takes_no_queued_picture_with_it() -> None:
    async with rendering(slow) as made:
        for _ in range(2):
            drawn = [asyncio.create_task(made.draw(picture(width=300 + n), "png")) for n in range(6)]
            await until(lambda: made.waiting == 6)
            for child in workers():
                child.kill()
            assert await asyncio.gather(*drawn) == [b"drawn"] * 6
            assert made.waiting == 0


async def test_a_worker_that_hangs_takes_no_queued_picture_with_it() -> None:
    async with rendering(hang, drawing=5) as made:
        hanging = asyncio.create_task(made.draw(picture(), "png"))
        await until(lambda: made.waiting == 1)
        assert await asyncio.gather(*(made.draw(nothing(), "png") for _ in range(5))) == [b"drawn"] * 5
        with pytest.raises(Unavailable):
            await hanging
        assert made.waiting == 0


async def test_a_worker_lets_others_go_first() -> None:
    async with rendering(tell) as made:
        nice, session, processors = json.loads(await made.draw(nothing(), "png"))
    assert nice > os.nice(0)
    assert session != os.getsid(0)
    assert processors == max(1, len(os.sched_getaffinity(0)) - 1)


async def test_where_no_worker_can_be_started_the_next_picture_tries_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async with rendering(hang) as made:
        assert await made.draw(nothing(), "png") == b"drawn"
        with monkeypatch.context() as patched:
            patched.setattr(renderer, "Worker", refuse)
            workers()[0].kill()
            with pytest.raises(Unavailable, match="died"):
                await made.draw(nothing(), "png")
        assert await made.draw(nothing(), "png") == b"drawn"


async def test_the_html_page_of_a_chart_needs_no_worker(engine: Engine, schema: str, tmp_path: Path) -> None:
    """It needs none to draw, and none to make the drawing library if that is in the cache."""
    library = "/* the drawing library, as it was kept */"
    (tmp_path / Path(Assets(tmp_path).address(VEGA)).name).write_text(library)
    async with running(settings_for(engine, schema, taktline_cache=tmp_path, render_workers=2)) as service:
        drawing = workers()
        assert len(drawing) == 2
        for worker in drawing:
            worker.suspend()
        answer = await service.http.get("/chart?format=html")
        assert answer.status_code == 200
        assert f"<script>{library}</script>" in answer.text
        assert workers() == drawing  # a worker that had been asked to draw would have been replaced


async def test_what_goes_wrong_while_drawing_is_told() -> None:
    async with rendering(carry_out) as made:
        with pytest.raises(AttributeError):
            await made.draw("no picture", "png")  # type: ignore[arg-type]
        assert (await made.draw(nothing(), "svg")).startswith(b"<svg")


async def test_one_picture_too_many_is_refused_at_once() -> None:
    async with rendering(hang, overall=5, drawing=2, max_waiting=2) as made:
        waiting = [asyncio.create_task(made.draw(picture(), "png", callers=[who])) for who in "ab"]
        await until(lambda: made.waiting == 2)
        with pytest.raises(Unavailable, match="too many charts"):
            await made.draw(nothing(), "png")
        await asyncio.gather(*waiting, return_exceptions=True)
