"""What `taktline doctor` says of the hosts of DATABASE_READ_URL, which are real servers. Needs the programs of
PostgreSQL with TimescaleDB: CONTRIBUTING.md."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from service.doctor.page import as_text
from service.doctor.report import Report
from service.period.lifetimes import FOR_EVER
from service.store.database import DatabaseServer
from service.store.standby_examination import StandbyFound
from tests.clusters import Cluster, Programs, clusters, follow
from tests.harness import free_port
from tests.processes import taktline

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300)]

WELL = StandbyFound("db2:5432", role="standby", cluster=7, timeline="00000001", postgresql="17.11")
SERVER = DatabaseServer("17.11", "2.29.2", "community", "public", durable=True, embedded=False)
REPORT = Report("1.0", "postgresql://db1/taktline", "taktline", SERVER, (), FOR_EVER, (), None, False, (WELL,))


def warned(**changed: object) -> list[str]:
    found = msgspec.structs.replace(WELL, **changed)
    return [one.what for one in msgspec.structs.replace(REPORT, standbys=(WELL, found)).warnings]


def test_nothing_is_said_where_all_is_well() -> None:
    assert warned() == []
    assert warned(role="primary", feedback=False) == []
    lines = as_text(REPORT).splitlines()
    assert lines[lines.index("STANDBYS of DATABASE_READ_URL") + 2] == "db2:5432  standby  0 B     1         17.11"


@pytest.mark.parametrize(
    ("warnings", "said"),
    [
        (warned(why="connection refused."), "the standby db2:5432 can't be reached: connection refused"),
        (warned(same_cluster=False, cluster=8), "its system identifier is 8; a start is refused"),
        (warned(same_database=False), "names another database at db2:5432"),
        (warned(timeline="00000002", same_timeline=False), "is on timeline 00000002, which isn't the primary's"),
        (warned(is_paused=True, bytes=10), "replays nothing, since that is paused"),
        (warned(delay=timedelta(minutes=5), bytes=10), "replays 300 s late"),
        (warned(bytes=16_000, seconds=3.2), "is behind, by 16,000 bytes, 3 s: reads go to the primary meanwhile"),
        (warned(feedback=False), "hot_standby_feedback is off on db2:5432"),
        (warned(sees_all=False), "the role isn't told what db2:5432 receives"),
        (warned(postgresql="17.10"), "db2:5432 has PostgreSQL 17.10, and the primary 17.11"),
    ],
)
def test_each_warning_stands_alone(warnings: list[str], said: str) -> None:
    [warning] = warnings
    assert said in warning


@pytest.fixture(scope="module")
def three() -> Iterator[Sequence[Cluster]]:
    """Three servers that aren't made yet."""
    with clusters(Programs.find(), 3) as made:
        yield made


@pytest.fixture(scope="module")
async def pair(three: Sequence[Cluster]) -> tuple[Cluster, Cluster]:
    """A primary and its standby, which run."""
    primary, standby, _ = three
    await follow(primary, standby, "hot_standby_feedback=on")
    return primary, standby


async def doctor(primary: Cluster, *hosts: str, form: str = "--json") -> str:
    """What it says of these hosts, beside what it says of a primary without a schema."""
    there = {
        "DATABASE_URL": primary.url,
        "DATABASE_READ_URL": f"postgresql://postgres@{','.join(hosts)}/postgres",
        "API_HOST": "127.0.0.1",
    }
    status, output, said = await taktline("doctor", *([form] if form else []), **there)
    assert status == 1, said
    return output


async def found(primary: Cluster, *hosts: str) -> tuple[list[dict[str, Any]], list[str]]:
    """The standbys, and the warnings about them."""
    made = json.loads(await doctor(primary, *hosts))
    whats = [one["what"] for one in made["warnings"]]
    return made["standbys"], [what for what in whats if "DATABASE_READ_URL" in what or "127.0.0.1" in what]


async def test_a_standby_that_is_well(pair: tuple[Cluster, Cluster]) -> None:
    primary, standby = pair
    each, warnings = await found(primary, primary.host, standby.host)
    assert warnings == []
    first, second = each
    assert (first["host"], first["role"]) == (primary.host, "primary")
    assert (second["host"], second["role"], second["why"]) == (standby.host, "standby", None)
    assert (second["bytes"], second["seconds"], second["timeline"]) == (0, None, "00000001")
    [[cluster]] = await primary.ask("select system_identifier from pg_control_system()")
    assert first["cluster"] == second["cluster"] == cluster
    assert first["timescaledb"] == second["timescaledb"]
    page = await doctor(primary, standby.host, form="")
    assert f"{standby.host}  standby  0 B" in page


async def test_a_standby_that_replays_nothing(pair: tuple[Cluster, Cluster]) -> None:
    primary, standby = pair
    await primary.ask("create table replayed ()")
    async with asyncio.timeout(30):
        while not await standby.ask("select from pg_class where relname = 'replayed'"):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    await standby.ask("select pg_wal_replay_pause()")
    try:
        await primary.ask("create table more as select generate_series(1, 1000) as number")
        [one], warnings = await found(primary, standby.host)
        assert warnings == [f"the standby {standby.host} replays nothing, since that is paused"]
        assert one["bytes"] > 1000
        assert one["seconds"] > 0
    finally:
        await standby.ask("select pg_wal_replay_resume()")


async def test_what_isnt_a_standby_of_it(pair: tuple[Cluster, Cluster], three: Sequence[Cluster]) -> None:
    primary, other, away = pair[0], three[2], f"127.0.0.1:{free_port()}"
    other.make()
    other.start()
    await other.answers()
    each, warnings = await found(primary, primary.host, other.host, away)
    [[cluster]] = await other.ask("select system_identifier from pg_control_system()")
    assert warnings[0] == (
        f"{other.host} is no standby of the database at DATABASE_URL: its system identifier is {cluster}; "
        "a start is refused"
    )
    assert warnings[1].startswith(f"the standby {away} can't be reached: ")
    assert warnings[2] == "no host of DATABASE_READ_URL can be read from: all is read from the primary"
    assert each[2]["why"]
