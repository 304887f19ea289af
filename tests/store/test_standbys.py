"""Reading from a real standby: whoever was told that readings are committed finds them in what is asked next, whatever
becomes of the standby meanwhile. Needs the programs of PostgreSQL with TimescaleDB: CONTRIBUTING.md."""

import asyncio
import re
import signal
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import asyncpg
import httpx
import pytest
from structlog.testing import capture_logs

from service.errors import DatabaseUnusable
from service.settings import Settings
from service.store import READING
from service.store.pool import Pool
from service.store.reading_pool import reread
from tests.clusters import Cluster, Programs, clusters, follow
from tests.conftest import run_jobs
from tests.harness import Running, running, until

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300)]

PROBES, EACH = 4, 500
"""Who write and look at the same time, and how often each of them does."""
OURS = "application_name = 'taktline' and query like '%series%'"
BUCKETS = "/buckets?from=now-1h&until=now%2B1h&step=1h"
CHART = "/chart?format=json&from=now-1h&until=now%2B1h&step=1h&series="


@pytest.fixture(scope="module")
def three() -> Iterator[Sequence[Cluster]]:
    """Three servers that aren't made yet; the tests kill what they have started."""
    with clusters(Programs.find(), 3) as made:
        yield made


@pytest.fixture(scope="module")
async def pair(three: Sequence[Cluster]) -> tuple[Cluster, Cluster]:
    """A primary and its standby, which run."""
    primary, standby, _ = three
    # whatever is in its way is cancelled at once
    await follow(primary, standby, "max_standby_streaming_delay=0")
    return primary, standby


def at(primary: Cluster, schema: str, read: str | None = None) -> Settings:
    return Settings.load(database_url=primary.url, database_read_url=read, database_schema=schema, chart_tz="UTC")


@asynccontextmanager
async def reading_from(standby: Cluster, primary: Cluster, schema: str) -> AsyncIterator[Running]:
    """A service that reads from the standby."""
    async with running(at(primary, schema, standby.url)) as service:
        yield service


async def post(service: Running, series: str, count: int = 1) -> None:
    answer = await service.http.post("/readings", json=[{"series": series, "plan": 1}] * count)
    assert answer.json() == {"written": count, "duplicate": False}


async def counted(service: Running, series: str) -> int:
    """How many readings of a series its chart has."""
    answer = await service.http.get(CHART + series)
    assert answer.status_code == 200, answer.text
    return sum(bucket["readings"] for bucket in answer.json()["buckets"])


async def reads(service: Running) -> Counter[str]:
    """How many reads there were, by who answered them, or why the primary had to."""
    text = (await service.http.get("/metrics")).text
    found = re.findall(r'^taktline_standby_reads_total\{outcome="(\w+)"\} (\S+)$', text, re.MULTILINE)
    return Counter({outcome: round(float(value)) for outcome, value in found})


async def standing(service: Running) -> tuple[str, str, str]:
    """What `/readyz` says: its status, what the standby is to reads, and why."""
    state = (await service.http.get("/readyz")).json()
    [standby] = state["standbys"]
    return state["status"], standby["standing"], standby["why"]


async def until_it_is(service: Running, wanted: str) -> None:
    async with asyncio.timeout(30):
        while (await standing(service))[1] != wanted:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def test_nothing_acknowledged_is_missing_under_load(pair: tuple[Cluster, Cluster], name: str) -> None:
    """One service writes and another one reads, on whose charts is everything, 2,000 times out of 2,000."""
    primary, standby = pair
    schema = f"test_{name}"
    async with running(at(primary, schema)) as writer, reading_from(standby, primary, schema) as reader:

        async def load() -> None:
            while True:
                await post(writer, "load", 200)
                await asyncio.sleep(0.01)

        async def refresh() -> None:
            while True:
                await asyncio.sleep(3)
                await run_jobs(writer.parts.store)

        async def probe(number: int) -> int:
            stale = 0
            for count in range(1, EACH + 1):
                await post(writer, f"probe-{number}")
                stale += await counted(reader, f"probe-{number}") != count
            return stale

        busy = [asyncio.create_task(each) for each in (load(), refresh())]
        try:
            stale = await asyncio.gather(*(probe(number) for number in range(PROBES)))
        finally:
            for task in busy:
                task.cancel()
            await asyncio.gather(*busy, return_exceptions=True)
        assert stale == [0] * PROBES
        answered = await reads(reader)
        assert answered["standby"] > PROBES * EACH / 4, answered


async def test_everything_that_shows_readings_is_read_there(pair: tuple[Cluster, Cluster], name: str) -> None:
    primary, standby = pair
    async with reading_from(standby, primary, f"test_{name}") as service:
        await post(service, "a", 3)
        page = {"Accept": "text/html"}
        for address, headers in (
            (CHART + "a", {}),
            ("/display?series=a", {}),
            ("/readings?format=csv", {}),
            ("/board?format=json", {}),
            (BUCKETS, {}),
            ("/corrections", {}),
            ("/", page),
            ("/display", page),
        ):
            before = await reads(service)
            answer = await service.http.get(address, headers=headers)
            assert answer.status_code == 200, answer.text
            after = await reads(service)
            assert after["standby"] > before["standby"], address
            assert after - before == {"standby": after["standby"] - before["standby"]}, address
        assert await standing(service) == ("ready", "used", "")
        before = await reads(service)
        assert (await service.http.get("/check?stale=1h")).status_code == 200
        assert await reads(service) == before


async def test_what_a_view_over_several_sites_asks_for_is_read_there(pair: tuple[Cluster, Cluster], name: str) -> None:
    """Also where the view has something already, and asks with its tag; and where the standby is behind."""
    primary, standby = pair
    async with reading_from(standby, primary, f"test_{name}") as service:

        async def ask(tag: str = "") -> httpx.Response:
            return await service.http.get(BUCKETS, headers={"If-None-Match": tag} if tag else {})

        async def grows(before: int, outcome: str) -> None:
            """What is acknowledged is in what is asked next, by whoever is to answer that."""
            tag = ""
            for count in range(before + 1, before + 11):
                await post(service, "a")
                earlier = await reads(service)
                answer = await ask(tag)
                assert answer.status_code == 200, answer.text
                [panel] = answer.json()["panels"]
                assert sum(bucket["readings"] for bucket in panel["buckets"]) == count
                assert set(await reads(service) - earlier) == {outcome}
                tag = answer.headers["etag"]
                assert (await ask(tag)).status_code == 304

        await grows(0, "standby")
        await standby.ask("select pg_wal_replay_pause()")
        try:
            await grows(10, "behind")
        finally:
            await standby.ask("select pg_wal_replay_resume()")
        await until_it_is(service, "used")
        await grows(20, "standby")


async def test_one_that_is_behind_is_not_read_from(pair: tuple[Cluster, Cluster], name: str) -> None:
    primary, standby = pair
    async with reading_from(standby, primary, f"test_{name}") as service:
        await post(service, "a")
        await standby.ask("select pg_wal_replay_pause()")
        try:
            for count in range(2, 5):
                await post(service, "a")
                assert await counted(service, "a") == count
            assert (await reads(service))["behind"] == 3
            status, what, why = await standing(service)
            assert (status, what) == ("degraded", "behind")
            assert why.startswith("it is behind, with ")
        finally:
            await standby.ask("select pg_wal_replay_resume()")
        await until_it_is(service, "used")
        before = (await reads(service))["standby"]
        await post(service, "a")
        assert await counted(service, "a") == 5
        assert (await reads(service))["standby"] > before


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
async def test_one_that_dies_or_freezes_is_left(
    pair: tuple[Cluster, Cluster], name: str, number: signal.Signals
) -> None:
    """Not even the reads that it was answering fail: the primary is asked again."""
    primary, standby = pair
    async with reading_from(standby, primary, f"test_{name}") as service:
        await post(service, "a", 10)
        asked, going = 0, True

        async def look() -> None:
            nonlocal asked
            while going:
                assert await counted(service, "a") == 10
                page = await service.http.get("/display?series=a")
                assert page.json()["total"] == 10
                asked += 1

        lookers = asyncio.gather(*(look() for _ in range(4)))
        await until(lambda: asked > 50, 60)
        async with service.parts.store.reading.connection() as con:
            waiting = asyncio.create_task(con.fetch("select pg_sleep(60)"))
            sleeping = "select from pg_stat_activity where query = 'select pg_sleep(60)' and wait_event = 'PgSleep'"
            async with asyncio.timeout(30):
                while not await standby.ask(sleeping):  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
            standby.send(number)
            with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)):
                await waiting
        enough = asked + 50
        await until(lambda: asked > enough, 60)
        status, what, why = await standing(service)
        assert (status, what) == ("degraded", "away")
        assert why
        going = False
        await lookers
        assert (await reads(service))["away"] > 0
        if number == signal.SIGKILL:
            standby.kill()
            standby.start("max_standby_streaming_delay=0")
        else:
            standby.send(signal.SIGCONT)
        await until_it_is(service, "used")


@pytest.mark.parametrize("conflict", [False, True])
async def test_a_read_that_fails_in_the_middle_is_made_again(
    pair: tuple[Cluster, Cluster], name: str, conflict: bool
) -> None:
    """As where a standby cancels what is in the way of what it has to replay, or ends a session."""
    primary, standby = pair
    async with reading_from(standby, primary, f"test_{name}") as service:
        await post(service, "a", 3)
        pool: Pool = service.parts.store.reading
        by_standby: list[bool] = []

        @reread
        async def read() -> int:
            async with pool.snapshot() as snapshot:
                [row] = await snapshot.read("log_position")
                by_standby.append(row["is_standby"])
                await snapshot.read("count_series")
                if row["is_standby"] and conflict:
                    await primary.ask(f'alter table "test_{name}".series add column more integer')
                    await asyncio.sleep(0.5)
                elif row["is_standby"]:
                    await standby.ask(f"select pg_terminate_backend(pid) from pg_stat_activity where {OURS}")
                [[count]] = await snapshot.read("count_series")
                return int(count)

        assert await read() == 1
        assert by_standby == [True, False]
        assert (await reads(service))["failed"] == 1
        await until_it_is(service, "used")


async def test_another_database_is_refused(pair: tuple[Cluster, Cluster], name: str) -> None:
    primary, standby = pair
    await primary.ask("create database another")
    async with asyncio.timeout(30):
        while not await standby.ask("select from pg_database where datname = 'another'"):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    wrong = f"postgresql://postgres@{standby.host}/another"
    nobody = f"postgresql://no_such_role@{standby.host}/postgres"
    for address, why in ((wrong, "is no standby of the database at"), (nobody, ': role "no_such_role" does not exist')):
        with pytest.raises(DatabaseUnusable, match=f"DATABASE_READ_URL can't be used: {standby.host} ?{why}"):
            async with running(at(primary, f"test_{name}", address)):
                pass


async def test_where_no_connection_is_free_the_primary_is_read(pair: tuple[Cluster, Cluster], name: str) -> None:
    primary, standby = pair
    async with reading_from(standby, primary, f"test_{name}") as service, AsyncExitStack() as stack:
        pool: Pool = service.parts.store.reading
        for _ in range(READING):
            await stack.enter_async_context(pool.connection())
        [row] = await pool.read("log_position")
        assert not row["is_standby"]
        assert (await reads(service))["busy"] == 1
        assert await standing(service) == ("ready", "used", "")
        await stack.aclose()
        [row] = await pool.read("log_position")
        assert row["is_standby"]


async def test_the_primary_among_several_hosts_is_passed_over(pair: tuple[Cluster, Cluster], name: str) -> None:
    primary, standby = pair
    both = f"postgresql://postgres@{primary.host},{standby.host}/postgres"
    with capture_logs() as said:
        async with running(at(primary, f"test_{name}", both)) as service:
            await _is_passed_over(service, primary, standby)
    told = {one["host"]: one["event"] for one in said if one["event"].startswith("a ") and "read from" in one["event"]}
    assert told == {
        primary.host: "a host of the standbys is the primary, and isn't read from",
        standby.host: "a standby is read from",
    }


async def _is_passed_over(service: Running, primary: Cluster, standby: Cluster) -> None:
    await post(service, "a")
    assert await counted(service, "a") == 1
    state = (await service.http.get("/readyz")).json()
    assert [(one["host"], one["standing"]) for one in state["standbys"]] == [
        (primary.host, "primary"),
        (standby.host, "used"),
    ]
    assert state["status"] == "ready"


async def test_one_on_another_timeline_is_not_read_from(three: Sequence[Cluster], name: str) -> None:
    """The standby follows the former primary, and is further in its log than the new one is in its own; what the new
    one has it will never have."""
    former, promoted, follower = three
    promoted.kill()
    follower.follow(former)
    for one in (promoted, follower):
        one.start()
        await one.answers()
    promoted.promote()
    await former.ask("create table more as select generate_series(1, 200000) as number")
    [[ahead]] = await promoted.ask("select (pg_current_wal_flush_lsn() + 4000000)::text")
    async with asyncio.timeout(60):
        while not (await follower.ask(f"select pg_last_wal_replay_lsn() > '{ahead}'::pg_lsn"))[0][0]:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    async with reading_from(follower, promoted, f"test_{name}") as service:
        await post(service, "a")
        assert await counted(service, "a") == 1
        status, what, why = await standing(service)
        assert (status, what) == ("degraded", "away")
        assert why == "it is on timeline 00000001, and the primary on 00000002"
