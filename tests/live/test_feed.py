"""All viewers of a view share its snapshots. A viewer with a slow connection skips some, and is then sent a whole
one."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field

import pytest

from service.errors import ShareUsedUp, Unavailable
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
        took = time.monotonic() - started
    assert took < 5
    assert camera.taken <= 2 + took / PAUSE


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


async def test_what_this_process_wrote_is_not_looked_for_again(camera: Camera) -> None:
    snapshot = "1"

    async def committed() -> str:
        return snapshot

    made = Feed(camera.take, committed, Metrics(), b"", poll_interval=0.05)
    async with polling(made) as feed, aclosing(feed.watch("a")) as viewer:
        await following(viewer)
        await asyncio.sleep(PAUSE + 0.2)
        assert camera.taken == 1
        camera.number, snapshot = 1, "2"
        feed.changed()
        assert await following(viewer) == b"change 1"
        await asyncio.sleep(PAUSE + 0.2)
        assert camera.taken == 2


async def test_who_comes_while_the_database_is_away_is_sent_nothing_old(camera: Camera) -> None:
    """Others may have written meanwhile: a second screen that connects again would show what was as what is."""
    away = False

    async def committed() -> str:
        if away:
            raise Unavailable
        return str(camera.number)

    made = Feed(camera.take, committed, Metrics(), b"beat", heartbeat_after=0.05, poll_interval=0.05, known_for=0.2)
    async with polling(made) as feed, aclosing(feed.watch("a")) as first, aclosing(feed.watch("a")) as second:
        assert await following(first) == b"whole 0"
        away = camera.away = True
        camera.number = 1
        await asyncio.sleep(0.3)
        waiting = [asyncio.ensure_future(anext(viewer)) for viewer in (first, second)]
        with pytest.raises(Unavailable):
            await feed.current("a")
        assert not any(one.done() for one in waiting)  # a heartbeat would say that all is as it was
        away = camera.away = False
        assert await asyncio.wait_for(asyncio.gather(*waiting), 5) == [b"change 1", b"whole 1"]


async def test_what_is_found_to_be_as_it_was_is_sent_when_that_is_known(camera: Camera) -> None:
    """As after a pause of the whole process, in which nobody else wrote."""

    async def committed() -> str:
        return "1"

    made = Feed(camera.take, committed, Metrics(), b"beat", poll_interval=0.05, known_for=0.2)
    async with aclosing(made.watch("a")) as first, aclosing(made.watch("a")) as second:
        await following(first)
        await asyncio.sleep(0.3)  # nobody polls
        waiting = asyncio.ensure_future(anext(second))
        await asyncio.sleep(0.1)
        assert not waiting.done()
        async with polling(made):
            assert await asyncio.wait_for(waiting, 2) == b"whole 0"


async def test_at_the_end_every_viewer_is_let_go(feed: Feed[str, Photo]) -> None:
    viewer = feed.watch("a")
    await following(viewer)
    waiting = asyncio.ensure_future(anext(viewer, None))
    await asyncio.sleep(0)  # the viewer is waiting now
    await feed.stop()
    assert await asyncio.wait_for(waiting, 1) is None
    with pytest.raises(Unavailable):
        feed.admit("a")


class Album:
    """Takes one snapshot at a time of any view, and notes of which."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.may_go_on = asyncio.Event()
        self.may_go_on.set()

    async def take(self, view: str, _: Photo | None) -> Photo:
        self.taken.append(view)
        await self.may_go_on.wait()
        return Photo(len(self.taken), None)


async def test_one_with_many_views_holds_up_no_other() -> None:
    """What others wait for is taken after the snapshot that is just being taken, and more than once where it is
    several others."""
    album = Album()
    feed = Feed(album.take, None, Metrics(), b"beat")
    album.may_go_on.clear()
    async with AsyncExitStack() as stack:

        async def look(view: str, caller: str) -> asyncio.Future[bytes]:
            viewer = await stack.enter_async_context(aclosing(feed.watch(view, caller)))
            looking = asyncio.ensure_future(anext(viewer))
            await asyncio.sleep(0)
            return looking

        looking = [await look(f"own {number}", "greedy") for number in range(150)]
        await until(lambda: len(album.taken) == 1)
        looking += [await look("own 149", "another"), await look("another's", "third")]
        album.may_go_on.set()
        await asyncio.gather(*looking)
    assert set(album.taken[1:4]) >= {"own 149", "another's"}, album.taken[:10]


async def test_one_caller_may_have_half_of_all_views_and_of_all_viewers(feed: Feed[str, Photo]) -> None:
    feed.open.limit, feed.viewers.limit = 4, 10
    async with AsyncExitStack() as stack:

        async def look(view: str, caller: str) -> None:
            feed.admit(view, caller)
            await following(await stack.enter_async_context(aclosing(feed.watch(view, caller))))

        await look("a", "greedy")
        await look("b", "greedy")
        with pytest.raises(ShareUsedUp, match="2 live pages of different views"):
            await look("c", "greedy")
        await look("c", "other")
        for _ in range(3):
            await look("a", "greedy")  # another viewer of the same view
        with pytest.raises(ShareUsedUp, match="5 viewers"):
            await look("a", "greedy")
        await look("a", "other")
    assert (feed.open.used, feed.viewers.used) == (0, 0)


async def test_who_come_together_do_not_find_the_same_place_free(feed: Feed[str, Photo]) -> None:
    feed.open.limit = 4
    viewers = [feed.watch(f"own {number}", "greedy", b"hello") for number in range(4)]
    outcomes = await asyncio.gather(*(following(viewer) for viewer in viewers), return_exceptions=True)
    assert [one if isinstance(one, bytes) else type(one) for one in outcomes] == [b"hello"] * 2 + [ShareUsedUp] * 2
    for viewer in viewers:
        await viewer.aclose()
    assert feed.open.used == 0


async def test_the_more_views_one_has_the_rarer_each_is_renewed(camera: Camera) -> None:
    """So that all of them together don't take all of the time."""

    async def take(view: str, before: Photo | None) -> Photo:
        await asyncio.sleep(0.01)
        taken[view] += 1
        return Photo(taken[view], None, time.time() + 0.01)

    taken: Counter[str] = Counter()
    feed = Feed(take, None, Metrics(), b"beat")
    async with AsyncExitStack() as stack:
        for view, caller in [*((f"own {number}", "greedy") for number in range(50)), ("another's", "another")]:
            await following(await stack.enter_async_context(aclosing(feed.watch(view, caller))))
        taken.clear()
        await until(lambda: taken["another's"] == 4)
        assert taken["own 0"] <= 2, taken


async def test_a_snapshot_that_is_slow_by_chance_does_not_make_the_next_ones_rare() -> None:
    begun, ended = [], []

    async def take(_: str, before: Photo | None) -> Photo:
        begun.append(time.monotonic())
        await asyncio.sleep(0.8 if len(begun) == 3 else 0.01)
        ended.append(time.monotonic())
        return Photo(len(begun), None, time.time())

    async with aclosing(Feed(take, None, Metrics(), b"beat").watch("a")) as viewer:
        await following(viewer)
        await until(lambda: len(begun) == 4)
    assert begun[3] - ended[2] < 2 * 0.8


async def test_there_may_be_too_many(feed: Feed[str, Photo]) -> None:
    feed.viewers.limit = 1
    feed.admit("a")
    async with aclosing(feed.watch("a")) as viewer:
        await following(viewer)
        with pytest.raises(Unavailable):
            feed.admit("a")
