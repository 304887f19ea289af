"""Keys in memory: what is known of them, from when on, and what happens while the database is away."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from service.access import keyring
from service.access.grants import ALL_SCOPES, NOBODY, OPEN, Scope, implied
from service.access.keyring import Anonymous, Keyring
from service.access.keys import LiveKey, digest_of, live_key, new_key
from service.errors import Unavailable

pytestmark = pytest.mark.anyio
KEY, OTHER = new_key(), new_key()


class Cupboard:
    """Where keys are kept, in the place of a database."""

    def __init__(self) -> None:
        self.keys: list[LiveKey] = []
        self.any_made = False
        self.away: Exception | None = None
        self.reads = 0
        self.used: list[set[int]] = []

    async def live(self) -> list[LiveKey]:
        self.reads += 1
        if self.away is not None:
            raise self.away
        return self.keys

    async def any(self) -> bool:
        return self.any_made

    async def note_used(self, keys: Collection[int]) -> None:
        self.used.append(set(keys))

    def put(self, key: str, *scopes: Scope, expires: datetime | None = None) -> None:
        self.any_made = True
        self.keys.append(live_key(len(self.keys) + 1, "hall 2", digest_of(key), scopes, None, None, expires))

    def ring(self, anonymous: Anonymous = Anonymous.AUTO) -> Keyring:
        return Keyring(self.live, self.any, self.note_used, anonymous)


@pytest.fixture
def cupboard() -> Cupboard:
    return Cupboard()


@pytest.fixture
def _quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyring, "POLL_EVERY", 0.01)
    monkeypatch.setattr(keyring, "READ_LIMIT", 0.05)


@asynccontextmanager
async def polled(ring: Keyring) -> AsyncIterator[None]:
    task = asyncio.create_task(ring.poll())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


def test_a_key_is_recognised_and_random() -> None:
    assert KEY.startswith("tk_")
    assert len(KEY) == 3 + 43  # 256 bits, six a character
    assert KEY != OTHER
    assert len(digest_of(KEY)) == 32


def test_what_scopes_imply() -> None:
    assert implied([Scope.READ]) == {Scope.READ}
    assert implied([Scope.WRITE]) == {Scope.WRITE}
    assert implied([Scope.CORRECT]) == {Scope.CORRECT, Scope.WRITE}
    assert implied([Scope.ADMIN]) == ALL_SCOPES
    assert implied([]) == frozenset()


async def test_a_key_is_found_by_its_text(cupboard: Cupboard) -> None:
    cupboard.put(KEY, Scope.CORRECT)
    ring = cupboard.ring()
    assert ring.find(KEY) is None
    await ring.refresh()
    found = ring.find(KEY)
    assert found is not None
    assert (found.name, found.key) == ("hall 2", 1)
    assert found.scopes == {Scope.CORRECT, Scope.WRITE}
    for wrong in (OTHER, "", KEY[:-1], KEY + " ", "é\ud800", digest_of(KEY).hex()):
        assert ring.find(wrong) is None


async def test_until_there_is_a_key_everything_is_open(cupboard: Cupboard) -> None:
    ring = cupboard.ring()
    assert ring.anonymous == NOBODY  # nothing is known yet
    await ring.refresh()
    assert ring.anonymous == OPEN
    cupboard.put(KEY, Scope.READ)
    await ring.refresh()
    assert ring.anonymous == NOBODY


async def test_it_stays_closed_when_the_last_key_has_gone(cupboard: Cupboard) -> None:
    cupboard.any_made = True
    ring = cupboard.ring()
    await ring.refresh()
    assert ring.anonymous == NOBODY


@pytest.mark.parametrize(
    ("setting", "scopes"),
    [
        (Anonymous.NONE, frozenset()),
        (Anonymous.READ, {Scope.READ}),
        (Anonymous.WRITE, {Scope.WRITE}),
        (Anonymous.ALL, ALL_SCOPES),
    ],
)
@pytest.mark.parametrize("any_made", [True, False])
async def test_or_as_the_setting_says(
    cupboard: Cupboard, setting: Anonymous, scopes: Collection[Scope], any_made: bool
) -> None:
    cupboard.any_made = any_made
    ring = cupboard.ring(setting)
    await ring.refresh()
    assert ring.anonymous.scopes == scopes


@pytest.mark.usefixtures("_quickly")
async def test_whoever_loses_something_is_told(cupboard: Cupboard) -> None:
    ring, told = cupboard.ring(), []

    async def listen() -> None:
        told.append(ring.anonymous)

    await ring.refresh()
    ring.listeners.append(listen)
    async with polled(ring):
        cupboard.put(KEY, Scope.READ)
        await until(lambda: told)  # those without a key
        assert told == [NOBODY]
        found = ring.find(KEY)
        assert found is not None
        assert ring.admits(found)
        assert not ring.admits(OPEN)
        cupboard.put(OTHER, Scope.READ)
        await until(lambda: ring.find(OTHER))
        assert len(told) == 1  # nobody has lost anything
        del cupboard.keys[0]
        await until(lambda: len(told) == 2)
        assert not ring.admits(found)
        assert ring.find(KEY) is None


@pytest.mark.usefixtures("_quickly")
@pytest.mark.parametrize("away", [False, True])
async def test_a_key_expires_by_itself(cupboard: Cupboard, away: bool) -> None:
    """Also while the database is away."""
    cupboard.put(KEY, Scope.READ, expires=datetime.now(UTC) + timedelta(seconds=0.2))
    ring, told = cupboard.ring(), asyncio.Event()

    async def listen() -> None:
        told.set()

    await ring.refresh()
    ring.listeners.append(listen)
    found = ring.find(KEY)
    assert found is not None
    if away:
        cupboard.away = Unavailable()
    async with polled(ring):
        async with asyncio.timeout(10):
            await told.wait()
    assert ring.find(KEY) is None
    assert not ring.admits(found)


async def never() -> list[LiveKey]:
    await asyncio.sleep(3600)
    return []


@pytest.mark.usefixtures("_quickly")
@pytest.mark.parametrize("trouble", [Unavailable("The database is away."), TimeoutError(), RuntimeError("a fault")])
async def test_while_the_database_is_away_the_last_keys_hold(cupboard: Cupboard, trouble: Exception) -> None:
    cupboard.put(KEY, Scope.READ)
    ring = cupboard.ring()
    await ring.refresh()
    with capture_logs() as logs:
        async with polled(ring):
            cupboard.away, cupboard.reads = trouble, 0
            await until(lambda: cupboard.reads >= 3)
            assert ring.find(KEY) is not None
            assert ring.anonymous == NOBODY
            cupboard.away = None
            cupboard.put(OTHER, Scope.WRITE)
            await until(lambda: ring.find(OTHER))
    if not isinstance(trouble, RuntimeError):
        assert [line["event"] for line in logs] == [
            "the keys can't be read; those that were known last still hold",
            "the keys can be read again",
        ]


@pytest.mark.usefixtures("_quickly")
async def test_a_database_that_hangs_is_not_waited_for(cupboard: Cupboard) -> None:
    cupboard.put(KEY, Scope.READ)
    reads = 0

    async def read() -> list[LiveKey]:
        nonlocal reads
        reads += 1
        return await never() if reads > 1 else cupboard.keys

    ring = Keyring(read, cupboard.any, cupboard.note_used, Anonymous.AUTO)
    await ring.refresh()
    async with polled(ring):
        await until(lambda: reads > 3)
    assert ring.find(KEY) is not None


@pytest.mark.usefixtures("_quickly")
async def test_a_listener_that_fails_keeps_the_others_from_nothing(cupboard: Cupboard) -> None:
    ring, told = cupboard.ring(), asyncio.Event()

    async def fail() -> None:
        raise RuntimeError("a fault")

    async def listen() -> None:
        told.set()

    listeners: list[Callable[[], Awaitable[None]]] = [fail, listen]
    ring.listeners += listeners
    await ring.refresh()
    with capture_logs() as logs:
        async with polled(ring):
            cupboard.put(KEY, Scope.READ)
            async with asyncio.timeout(10):
                await told.wait()
    assert [line["event"] for line in logs] == ["connections whose key has ended may still be open"]


async def test_use_is_noted_together_and_once(cupboard: Cupboard) -> None:
    cupboard.put(KEY, Scope.READ)
    cupboard.put(OTHER, Scope.READ)
    ring = cupboard.ring()
    await ring.refresh()
    lent = ring.lend("demo", [Scope.WRITE])
    for key in (KEY, OTHER, KEY, lent, "tk_wrong"):
        ring.find(key)
    await ring.note_used()
    await ring.note_used()
    assert cupboard.used == [{1, 2}]


async def test_a_lent_key_closes_nothing_and_stays(cupboard: Cupboard) -> None:
    ring = cupboard.ring()
    lent = ring.lend("demo", [Scope.WRITE])
    await ring.refresh()
    assert ring.anonymous == OPEN
    found = ring.find(lent)
    assert found is not None
    assert found.scopes == {Scope.WRITE}
    assert ring.admits(found)
