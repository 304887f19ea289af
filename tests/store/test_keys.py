"""Keys in the database."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from service.access.grants import Scope
from service.access.keys import NewKey, digest_of, new_key
from tests.conftest import Engine
from tests.database import connected
from tests.harness import Running

pytestmark = pytest.mark.anyio
READ, WRITE = frozenset({Scope.READ}), frozenset({Scope.WRITE})


async def test_only_the_digest_of_a_key_is_kept(fresh: Running, engine: Engine, schema: str) -> None:
    key = new_key()
    assert await fresh.parts.store.keys.add(NewKey("hall 2", READ), digest_of(key))
    async with connected(engine, schema) as con:
        [[text]] = await con.fetch("select access_key::text from access_key")
    assert digest_of(key).hex() in text
    assert key not in text
    assert not re.search(re.escape(key[3:]), text)


async def test_a_key_is_read_as_it_was_made(fresh: Running) -> None:
    keys, digest = fresh.parts.store.keys, digest_of(new_key())
    assert not await keys.any()
    scopes = frozenset({Scope.WRITE, Scope.READ})
    new = NewKey("hall 2", scopes, ("line *", "press"), 12.5, timedelta(days=90))
    assert await keys.add(new, digest)
    assert await keys.any()
    [live] = await keys.live()
    assert (live.digest, live.grant.name, live.grant.scopes) == (digest, "hall 2", scopes)
    assert (live.grant.series, live.grant.rate) == (("line *", "press"), 12.5)
    [record] = await keys.all(revoked=False)
    assert record.scopes == (Scope.READ, Scope.WRITE)
    assert record.expires is not None
    assert record.expires - record.created == timedelta(days=90)
    assert live.expires == record.expires
    assert (record.used, record.revoked) == (None, None)


async def test_a_name_is_one_live_key(fresh: Running) -> None:
    keys = fresh.parts.store.keys
    assert await keys.add(NewKey("hall 2", READ), digest_of("1"))
    assert not await keys.add(NewKey("hall 2", WRITE), digest_of("2"))
    assert await keys.revoke("hall 2")
    assert not await keys.revoke("hall 2")
    assert await keys.live() == ()
    assert await keys.any()
    assert await keys.add(NewKey("hall 2", WRITE, expires_in=timedelta(0)), digest_of("3"))
    assert await keys.live() == ()  # it has expired by now, and gives up its name
    assert await keys.add(NewKey("hall 2", WRITE), digest_of("4"))
    assert [key.digest for key in await keys.live()] == [digest_of("4")]
    assert [key.revoked is None for key in await keys.all(revoked=True)] == [False, False, True]
    assert [key.scopes for key in await keys.all(revoked=False)] == [(Scope.WRITE,)]


async def test_use_is_noted(fresh: Running) -> None:
    keys = fresh.parts.store.keys
    for name in ("used", "unused"):
        await keys.add(NewKey(name, READ), digest_of(name))
    [used] = [key.grant.key for key in await keys.live() if key.grant.name == "used"]
    assert used is not None
    await keys.note_used([used])
    first, second = await keys.all(revoked=False)
    assert first.used is not None
    assert abs(first.used - datetime.now(UTC)) < timedelta(minutes=1)
    assert second.used is None
