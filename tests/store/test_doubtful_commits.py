"""A COMMIT for which the server doesn't vouch isn't taken for one, and isn't repeated either."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime

import asyncpg
import httpx
import pytest

from service.access.grants import Scope
from service.access.keys import NewKey, digest_of
from service.errors import InDoubt
from service.store.alerts import Key
from service.store.database_hosts import DatabaseHosts
from service.store.pool import open_pool
from tests.clusters import Programs, clusters
from tests.conftest import Engine, settings_for
from tests.database import connected
from tests.faults import numbers
from tests.harness import Running, running

pytestmark = pytest.mark.anyio

WARN_ONCE = """
    create sequence warned;
    create function warn() returns trigger language plpgsql as $$
    begin
      if nextval('warned') = 1 then
        raise warning 'canceling wait for synchronous replication due to user request';
      end if;
      return null;
    end
    $$;
    create constraint trigger warn after insert or update on {}
      deferrable initially deferred for each row execute function warn()
"""
"""A trigger whose warning comes while the transaction is committed, as that of a wait that was cancelled does."""
NAMED = {"application_name": "doubts"}


async def failed_commits(http: httpx.AsyncClient) -> float:
    lines = (await http.get("/metrics")).text.splitlines()
    return float(next(line for line in lines if line.startswith("taktline_commit_failures_total ")).split()[1])


async def test_a_warning_during_commit_is_in_doubt(engine: Engine, schema: str) -> None:
    """It is asked again by the receipt, finds that the first attempt was committed, and is written once."""
    async with running(settings_for(engine, schema)) as service:
        await service.http.post("/readings", json={"plan": 1})
        before = await failed_commits(service.http)
        async with connected(engine, schema) as con:
            await con.execute(WARN_ONCE.format("committer"))
        assert (await service.http.post("/readings", json={"plan": 2})).json() == {"written": 1, "duplicate": False}
        assert await failed_commits(service.http) == before + 1
        assert (await service.http.post("/readings", json={"plan": 3})).status_code == 200
        assert await failed_commits(service.http) == before + 1
    assert await numbers(engine, schema) == [1, 2, 3]


async def test_a_key_is_revoked_until_the_database_vouches_for_it(fresh: Running, engine: Engine, schema: str) -> None:
    keys = fresh.parts.store.keys
    assert await keys.add(NewKey("hall 2", frozenset({Scope.READ})), digest_of("1"))
    async with connected(engine, schema) as con:
        await con.execute(WARN_ONCE.format("access_key"))
    assert await keys.revoke("hall 2")
    assert not await keys.revoke("hall 2")
    async with connected(engine, schema) as con:
        assert await con.fetchval("select last_value from warned") == 3


async def test_a_message_is_not_sent_that_may_be_lost(fresh: Running, engine: Engine, schema: str) -> None:
    """Its alert would be lost with it, so that nobody would be told of its end."""
    alerts = fresh.parts.store.alerts
    await alerts.begin(Key("late", "a"), datetime.now(UTC), "10 behind")
    async with connected(engine, schema) as con:
        await con.execute(WARN_ONCE.format("alert_message"))
    with pytest.raises(InDoubt, match="canceling wait for synchronous replication"):
        await alerts.claim(0, 0)
    message = await alerts.claim(0, 0)
    assert message is not None
    assert message.key == Key("late", "a")


async def test_nothing_is_signed_with_a_secret_that_may_be_lost(fresh: Running, engine: Engine, schema: str) -> None:
    keys = fresh.parts.store.keys
    async with connected(engine, schema) as con:
        await con.execute(f"delete from secret; {WARN_ONCE.format('secret')}")
    with pytest.raises(InDoubt, match="canceling wait for synchronous replication"):
        await keys.signing_secret()
    assert len(await keys.signing_secret()) == 32


async def test_a_transaction_that_is_gone_is_in_doubt(engine: Engine) -> None:
    hosts = DatabaseHosts(engine.url)
    async with open_pool(hosts, NAMED, 1, engine.server.edition) as pool:
        with pytest.raises(InDoubt, match="there is no transaction in progress"):
            async with pool.transaction(10) as con:
                await con.execute("rollback")
        with pytest.raises(InDoubt, match="ROLLBACK"):
            async with pool.transaction(10) as con:
                with suppress(asyncpg.PostgresError):
                    await con.execute("select 1 / 0")


@pytest.fixture
def lonely_primary() -> Iterator[str]:
    """The address of a PostgreSQL server that waits at each COMMIT for a standby that doesn't exist."""
    with clusters(Programs.find(), 1) as [primary]:
        primary.make()
        primary.start("synchronous_standby_names=nobody")
        yield primary.url


async def test_a_wait_for_a_standby_that_is_cancelled(lonely_primary: str) -> None:
    """PostgreSQL reports success then, although the transaction would be lost in a failover."""
    con = await _connected(lonely_primary)
    try:
        await con.execute("set synchronous_commit = local")
        await con.execute("create table kept (number integer)")
        async with open_pool(DatabaseHosts(lonely_primary), NAMED, 1, "apache") as pool:
            cancelling = asyncio.create_task(_cancel_the_wait(con))
            with pytest.raises(InDoubt, match="might not have been replicated to the standby"):
                async with pool.transaction(30) as writing:
                    await writing.execute("insert into kept values (1)")
            await cancelling
        assert await con.fetchval("select count(*) from kept") == 1
    finally:
        await con.close()


async def _connected(url: str) -> "asyncpg.Connection[asyncpg.Record]":
    async with asyncio.timeout(30):
        while True:
            try:
                return await asyncpg.connect(url)
            except (OSError, asyncpg.CannotConnectNowError):
                await asyncio.sleep(0.1)


async def _cancel_the_wait(con: "asyncpg.Connection[asyncpg.Record]") -> None:
    cancel = "select pg_cancel_backend(pid) from pg_stat_activity where wait_event = 'SyncRep'"
    async with asyncio.timeout(20):
        while not await con.fetch(cancel):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
