"""Several hosts in DATABASE_URL: the primary is taken whatever the others do, and left when it is another one.

The hosts are real sockets: a port on which nobody listens, a listener that never says a word, and the engine of the
tests, also by way of proxies.
"""

import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest

from chaos.proxy import Proxy
from service.errors import DatabaseAway, DatabaseUnusable, Unavailable
from service.settings import Settings
from service.store.address import Host
from service.store.address import place as place_of
from service.store.database import connection, inspect
from service.store.database_hosts import DatabaseHosts
from service.store.host_answers import Primary
from service.store.pool import open_pool
from tests.conftest import Engine
from tests.faults import numbers, proxied
from tests.harness import free_port, running

pytestmark = pytest.mark.anyio

NAMED = {"application_name": "hosts"}


@pytest.fixture
def silent() -> Iterator[str]:
    """A host that accepts connections and never says a word, as a frozen server does."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"127.0.0.1:{listening.getsockname()[1]}"


@pytest.fixture
def dead() -> str:
    """A host on which nobody listens."""
    return f"127.0.0.1:{free_port()}"


def host_of(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]


def with_hosts(engine: Engine, *hosts: str, parameters: str = "") -> str:
    """The address of the engine's database at these hosts."""
    parts = urlsplit(engine.url)
    user = parts.netloc.rpartition("@")[0]
    return parts._replace(netloc=f"{user}@{','.join(hosts)}" if user else ",".join(hosts), query=parameters).geturl()


def at(url: str, schema: str) -> Settings:
    return Settings.load(database_url=url, database_schema=schema, chart_tz="UTC")


@asynccontextmanager
async def two_ways(engine: Engine) -> AsyncIterator[tuple[dict[str, Proxy], str]]:
    """Two proxies to the engine by their hosts, and an address with both."""
    async with proxied(engine) as (one, first), proxied(engine) as (two, second):
        ways = {host_of(first): one, host_of(second): two}
        yield ways, with_hosts(engine, *ways)


async def test_the_primary_is_taken_wherever_it_stands(engine: Engine, dead: str, silent: str) -> None:
    true = host_of(engine.url)
    for order in ((dead, silent, true), (silent, true, dead), (true, dead, silent)):
        hosts = DatabaseHosts(with_hosts(engine, *order))
        for _ in range(2):  # at first, and when it is known which one is the primary
            async with connection(hosts, "public") as con:
                assert await con.fetchval("select current_setting('application_name')") == "taktline"
            assert hosts.in_use == true


async def test_one_host_may_be_asked_as_well(engine: Engine) -> None:
    hosts = DatabaseHosts(with_hosts(engine, host_of(engine.url), parameters="target_session_attrs=read-write"))
    async with connection(hosts, "public"):
        assert hosts.primary is not None
        assert hosts.primary.timeline
    standing = DatabaseHosts(engine.url)
    async with connection(standing, "public"):
        assert (standing.several, standing.primary) == (False, None)
        assert standing.in_use == host_of(engine.url)


async def test_all_down_is_said_host_by_host(engine: Engine, dead: str, silent: str) -> None:
    url = with_hosts(engine, dead, silent)
    with pytest.raises(DatabaseAway) as away:
        await inspect(url)
    assert away.value.detail.startswith(f"No database answers at {place_of(url)}: {dead}: ")
    assert f"; {silent}: no answer within 2 seconds." in away.value.detail


async def test_how_long_a_host_may_take_can_be_set(engine: Engine, dead: str, silent: str) -> None:
    with pytest.raises(DatabaseAway, match="no answer within 1 seconds"):
        await inspect(with_hosts(engine, silent, dead, parameters="connect_timeout=1"))


async def test_read_only_servers_are_waited_for(engine: Engine, dead: str) -> None:
    """What keeps a server from being written to may be a setting of it, or that it is a standby."""
    true, read_only = host_of(engine.url), "options=-c%20default_transaction_read_only%3Don"
    with pytest.raises(DatabaseAway) as away:
        await inspect(with_hosts(engine, true, dead, parameters=read_only))
    assert "None of the hosts of DATABASE_URL is the primary: " in away.value.detail
    assert f"{true} is read-only; {dead}: " in away.value.detail


async def test_a_wrong_database_is_not_waited_for(engine: Engine, dead: str) -> None:
    if engine.server.embedded:
        pytest.skip("the embedded engine has one database, and takes any name for it")
    url = urlsplit(with_hosts(engine, dead, host_of(engine.url)))._replace(path="/no_such_database").geturl()
    with pytest.raises(DatabaseUnusable) as refused:
        await inspect(url)
    assert not isinstance(refused.value, DatabaseAway)
    assert "no_such_database" in refused.value.detail


async def test_a_primary_that_was_left_behind_is_not_taken(engine: Engine, dead: str) -> None:
    """The server is on timeline 1; another host was seen as the primary of timeline 2."""
    hosts = DatabaseHosts(with_hosts(engine, dead, host_of(engine.url)))
    async with connection(hosts, "public"):
        known = hosts.primary
    assert known is not None
    elsewhere = Host("127.0.0.1", int(dead.rpartition(":")[2]))
    hosts.primary = Primary(elsewhere, known.cluster, f"{int(known.timeline, 16) + 1:08X}")
    with pytest.raises(DatabaseAway, match=f"left behind, on timeline {known.timeline}, when {dead} was promoted"):
        await inspect(hosts)
    hosts.primary = Primary(elsewhere, "another", known.timeline)
    with pytest.raises(DatabaseAway, match=f"another database than the one at {dead}"):
        await inspect(hosts)


async def test_a_pool_says_why_there_is_no_connection(engine: Engine, dead: str) -> None:
    hosts = DatabaseHosts(with_hosts(engine, dead, f"127.0.0.1:{free_port()}"))
    async with open_pool(hosts, NAMED, 1, engine.server.edition) as pool:
        with pytest.raises(Unavailable, match=f"No database answers at .*{dead}: "):
            await pool.read("ping")


async def test_the_options_of_tcp_are_set(engine: Engine) -> None:
    url = f"{engine.url}?keepalives_idle=31&tcp_user_timeout=8000"
    async with connection(DatabaseHosts(url), "public") as con:
        sock = con._transport.get_extra_info("socket")  # type: ignore[attr-defined]
        asked = ((socket.SOL_SOCKET, socket.SO_KEEPALIVE), (6, socket.TCP_KEEPIDLE), (6, socket.TCP_USER_TIMEOUT))
        assert [sock.getsockopt(*each) for each in asked] == [1, 31, 8000]


async def test_a_connection_to_a_host_that_froze_is_cut(engine: Engine) -> None:
    """Nothing else ends it, so that whoever waits for an answer would wait for long."""
    async with two_ways(engine) as (ways, url):
        first, second = ways
        ways[second].refusing = True
        hosts = DatabaseHosts(url)
        async with open_pool(hosts, NAMED, 2, engine.server.edition) as pool:
            await pool.read("ping")
            assert hosts.in_use == first
            ways[second].refusing = False
            ways[first].stall()
            with pytest.raises(Unavailable, match="closed in the middle of operation"):
                await pool.read("ping")
            assert hosts.in_use == second
            await pool.read("ping")


async def test_readings_are_written_while_a_host_is_frozen(engine: Engine, schema: str) -> None:
    async with two_ways(engine) as (ways, url), running(at(url, schema)) as service:
        for number, host in enumerate(ways):
            ways[host].stall()
            answer = await service.http.post("/readings", json={"plan": number})
            assert answer.json() == {"written": 1, "duplicate": False}
            assert (await service.http.get("/readyz")).json()["host"] in ways
            ways[host].resume()
    assert await numbers(engine, schema) == [0, 1]


async def test_a_host_that_goes_away_is_left_for_another_one(engine: Engine, schema: str) -> None:
    async with two_ways(engine) as (ways, url), running(at(url, schema)) as service:
        for number, host in enumerate((*ways, *ways)):
            ways[host].refusing = True
            ways[host].cut()
            reading, named = {"plan": number}, {"Idempotency-Key": f"{number}"}
            while (answer := await service.http.post("/readings", json=reading, headers=named)).status_code == 503:
                pass  # a connection was cut in the middle, and there isn't another one yet
            assert answer.status_code == 200
            ways[host].refusing = False
    assert await numbers(engine, schema) == [0, 1, 2, 3]


async def test_slow_work_on_the_primary_is_left_alone(engine: Engine, dead: str) -> None:
    """It is asked again who the primary is, and nothing follows from the same answer."""
    hosts = DatabaseHosts(with_hosts(engine, host_of(engine.url), dead))
    async with open_pool(hosts, NAMED, 1, engine.server.edition) as pool, pool.connection() as con:
        pid = await con.fetchval("select pg_backend_pid()")
        hosts._ask_again()
        assert hosts._asking is not None
        await hosts._asking
        assert await con.fetchval("select pg_backend_pid()") == pid
