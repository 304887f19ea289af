"""All viewers of a view share its snapshots. A viewer with a slow connection skips some, and is then sent a whole
one."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field

import pytest

from service.errors import Unavailable
from service.live.feed import PAUSE, Feed, polling
from service.metrics import Metrics
from tests.harness import until

pytestmark = pytest.mark.anyio


@dataclass
class Photo:
    """A snapshot whose content is a number."""

    number: int
    change: bytes | None
    expires: float = field(default_factory=lambda: time.time() + 60)

    @property
    def whole(self) -> bytes:
        return b"whole %d" % self.number


class Camera:
    """Takes snapshots of a number, and counts them."""

    def __init__(self) -> None:
        self.number = self.taken = 0
        self.away = False
        self.expires_in = 60.0

    async def take(self, view: str, before: Photo | None) -> Photo:
        self.taken += 1
        await asyncio.sleep(0.001)
        if self.away:
            raise Unavailable
        if before is not None and before.number == self.number:
            before.expires = time.time() + self.expires_in
            return before
        change = None if before is None else b"change %d" % self.number
        return Photo(self.number, change, time.time() + self.expires_in)


@pytest.fixture
def camera() -> Camera:
    return Camera()


@pytest.fixture
def feed(camera: Camera) -> Feed[str, Photo]:
    return Feed(camera.take, None, Metrics(), b"beat")


async def following(viewer: AsyncIterator[bytes]) -> bytes:
    return await asyncio.wait_for(anext(viewer), 2)


async def test_all_viewers_of_a_view_share_each_snapshot(feed: Feed[str, Photo], camera: Camera) -> None:
    viewers = [feed.watch("a") for _ in range(50)]
    assert {await following(viewer) for viewer in viewers} == {b"whole 0"}
    camera.number = 1
    feed.changed()
    assert {await following(viewer) for viewer in viewers} == {b"change 1"}
    assert camera.taken == 2
    for viewer in viewers:
        await viewer.aclose()
    taken = camera.taken
    feed.changed()
    await asyncio.sleep(0.3)
    assert camera.taken == taken


async def test_a_change_is_seen_soon_and_many_changes_are_few_snapshots(feed: Feed[str, Photo], camera: Camera) -> None:
    async with aclosing(feed.watch("a")) as viewer:
        await following(viewer)
        started = time.monotonic()
        while time.monotonic() < started + 1:
            camera.number += 1
            feed.changed()
            await asyncio.sleep(0.002)
        while await following(viewer) != b"change %d" % camera.number:
            pass
        assert time.monotonic() - started < 2
    assert camera.taken <= 2 + 2 / PAUSE


async def test_a_slow_viewer_skips_and_is_sent_the_whole(feed: Feed[str, Photo], camera: Camera) -> None:
    async with aclosing(feed.watch("a")) as quick, aclosing(feed.watch("a")) as slow:
        await following(quick)
        await following(slow)
        for number in (1, 2, 3):
            camera.number = number
            feed.changed()
            assert await following(quick) == b"change %d" % number
        assert await following(slow) == b"whole 3"


async def test_a_viewer_hears_beats_while_nothing_happens(camera: Camera) -> None:
    feed = Feed(camera.take, None, Metrics(), b"beat", heartbeat_after=0.05)
    async with aclosing(feed.watch("a")) as viewer:
        assert [await following(viewer) for _ in range(3)] == [b"whole 0", b"beat", b"beat"]


async def test_a_snapshot_that_expires_is_taken_anew(feed: Feed[str, Photo], camera: Camera) -> None:
    camera.expires_in = 0.4
    async with aclosing(feed.watch("a")) as viewer:
        await following(viewer)
        camera.number = 1
        assert await following(viewer) == b"change 1"


async def test_it_goes_on_when_the_database_is_back(camera: Camera) -> None:
    feed = Feed(camera.take, None, Metrics(), b"beat", retry_after=0.05)
    camera.away = True
    async with aclosing(feed.watch("a")) as viewer:
        waiting = asyncio.ensure_future(anext(viewer))
        await until(lambda: camera.taken > 1)
        assert not waiting.done()
        camera.away = False
        assert await asyncio.wait_for(waiting, 2) == b"whole 0"


async def test_what_others_write_is_noticed(camera: Camera) -> None:
    snapshot = "1"

    async def committed() -> str:
        return snapshot

    made = Feed(camera.take, committed, Metrics(), b"", poll_interval=0.05)
    async with polling(made) as feed, aclosing(feed.watch("a")) as viewer:
        await following(viewer)
        camera.number, snapshot = 1, "2"
        assert await following(viewer) == b"change 1"


async def test_at_the_end_every_viewer_is_let_go(feed: Feed[str, Photo]) -> None:
    viewer = feed.watch("a")
    await following(viewer)
    waiting = asyncio.ensure_future(anext(viewer, None))
    await asyncio.sleep(0)  # the viewer is waiting now
    await feed.stop()
    assert await asyncio.wait_for(waiting, 1) is None
    with pytest.raises(Unavailable):
        feed.admit()


async def test_there_may_be_too_many(feed: Feed[str, Photo]) -> None:
    feed.max_viewers = 1
    feed.admit()
    async with aclosing(feed.watch("a")) as viewer:
        await following(viewer)
        with pytest.raises(Unavailable):
            feed.admit()
