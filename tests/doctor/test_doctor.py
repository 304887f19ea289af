"""`taktline doctor` and `taktline migrate --check`, as people and scripts use them."""

import json
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from service.doctor.page import as_text
from service.doctor.report import Configured, Report
from service.period.kept import ALL_KEPT, Kept
from service.period.lifetimes import FOR_EVER, Lifetimes
from service.store.database import DatabaseServer
from service.store.examination import Findings, Health, Lag, Table
from service.store.jobs import Job
from service.store.migrate import migrate, pending
from tests.conftest import Engine
from tests.harness import Running, free_port
from tests.processes import taktline

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
WELL = Health(
    fsync=True,
    full_page_writes=True,
    synchronous_commit=True,
    awaited="",
    unconfirmed=timedelta(),
    autovacuum=True,
    locks=6400,
    is_replica=False,
    ahead=timedelta(milliseconds=12),
)
JOB = Job(1001, "refresh", "minute_rollup", timedelta(minutes=1), NOW, None, 0, 1.0, "ok", None)
FOUND = Findings(
    health=WELL,
    tables=(Table("reading", 31_000_000, 53, 45, NOW), Table("batch", 8192, None, None, None)),
    readings=1_000_000,
    jobs=(JOB,),
    kept=ALL_KEPT,
    lag=Lag(NOW, 0, None, is_behind=False),
    refreshed=timedelta(days=30),
    writing=2,
    earlier=0,
    has_keys=True,
    series=20,
)
SERVER = DatabaseServer("17.11", "2.29.2", "community", "public", durable=True, embedded=False)
REPORT = Report(
    "1.0",
    "postgresql://db/taktline",
    "taktline",
    SERVER,
    (Configured("DEBUG", "True", ".env"),),
    FOR_EVER,
    (),
    FOUND,
    False,
)


def warned(report: Report = REPORT, **changed: object) -> list[str]:
    return [one.what for one in msgspec.structs.replace(report, **changed).warnings]


def found(**changed: object) -> list[str]:
    return warned(findings=msgspec.structs.replace(FOUND, **changed))


def health(**changed: object) -> list[str]:
    return found(health=msgspec.structs.replace(WELL, **changed))


def test_nothing_is_said_where_all_is_well() -> None:
    assert warned() == []
    page = as_text(REPORT)
    assert "NOTHING TO WARN OF" in page
    awaited = msgspec.structs.replace(FOUND, health=msgspec.structs.replace(WELL, awaited="ANY 1 (db2,db3)"))
    assert warned(several=True, findings=awaited) == []
    assert "about 1,000,000 readings, 31 bytes each, of 20 series" in page
    assert "DEBUG  True  .env" in page


def test_what_isnt_known_yet_has_no_number() -> None:
    """So it is within minutes of a first start, before the server has made statistics and a refresh has run."""
    lag = Lag(datetime(2, 1, 1, tzinfo=UTC), 0, None, is_behind=False)
    new = msgspec.structs.replace(FOUND, readings=0, series=6, lag=lag)
    page = as_text(msgspec.structs.replace(REPORT, findings=new))
    assert "readings of 6 series; the server hasn't estimated yet how many" in page
    assert "minutes materialised     none yet" in page
    empty = as_text(msgspec.structs.replace(REPORT, findings=msgspec.structs.replace(new, series=0)))
    assert "about 0 readings, of 0 series" in empty


@pytest.mark.parametrize(
    ("warnings", "said"),
    [
        (health(fsync=False), "fsync is off: a crash may destroy the database"),
        (health(full_page_writes=False), "full_page_writes is off"),
        (health(synchronous_commit=False), "a crash may lose readings that were acknowledged"),
        (
            warned(several=True),
            "COMMIT waits for no standby: when another host becomes the primary, readings may be lost",
        ),
        (
            health(awaited="ANY 1 (*)", unconfirmed=timedelta(seconds=42)),
            "a COMMIT has waited for 42 s for a standby to confirm it (synchronous_standby_names = 'ANY 1 (*)')",
        ),
        (health(autovacuum=False), "autovacuum is off"),
        (health(is_replica=True), "read-only replica"),
        (health(ahead=timedelta(seconds=-3)), "the database's clock is 3.0 s behind this machine's"),
        (health(locks=400), "53 chunks, and 400 locks"),
        (found(jobs=(msgspec.structs.replace(JOB, state="late", error="no disk."),)), "minute_rollup is late: no disk"),
        (found(jobs=(msgspec.structs.replace(JOB, state="paused"),)), "is paused"),
        (found(lag=Lag(NOW, 0, None, is_behind=True)), "readings since 2026-11-27 12:00 UTC aren't in the rollups"),
        (found(kept=Kept(NOW)), "readings before 2026-11-27 were dropped, and none will be any more"),
        (found(earlier=1), "1 of 2 writers are of an earlier version"),
        (
            warned(lifetimes=Lifetimes(timedelta(days=30))),
            "a job refreshes rollups for the last 30d, which would erase",
        ),
        (warned(pending=("schema/1",)), "1 files are to be applied"),
        (warned(is_open=True), "there is no key"),
        (warned(slips={"API_PROT": "API_PORT"}), "API_PROT isn't a setting"),
        (warned(env_file_is_folder=True), ".env is a folder, so that no setting is read from it"),
        (warned(server=msgspec.structs.replace(SERVER, embedded=True)), "the embedded engine is for a first look"),
        (
            warned(server=msgspec.structs.replace(SERVER, postgresql="17.12 (Debian)")),
            "with PostgreSQL 17.12, each run of a job of TimescaleDB 2.29.2 ends as failed",
        ),
    ],
)
def test_each_warning_stands_alone(warnings: list[str], said: str) -> None:
    [warning] = warnings
    assert said in warning


async def test_what_is_configured_and_found(fresh: Running, engine: Engine, schema: str) -> None:
    """One page for people, and the same for scripts; no secret is in it."""
    await fresh.http.post("/readings", json=[{"plan": 1, "fact": 1}])
    there = {"DATABASE_URL": engine.url, "DATABASE_SCHEMA": schema, "API_HOST": "127.0.0.1", "ITEMS_PER_PAGE": "9"}
    status, page, _ = await taktline("doctor", **there, ITEM_PER_PAGE="9")
    assert "ITEM_PER_PAGE isn't a setting.\n   Mend it: ITEMS_PER_PAGE, if that is meant." in page
    status, page, _ = await taktline("doctor", **there)
    assert "isn't a setting" not in page
    assert "ITEMS_PER_PAGE" in page
    assert engine.url not in page
    assert "reading" in page
    code, text, _ = await taktline("doctor", "--json", **there)
    made = json.loads(text)
    assert status == code == (0 if made["ok"] else 1)
    assert made["ok"] is (made["warnings"] == [])
    assert {"name": "ITEMS_PER_PAGE", "value": "9", "where": "environment"} in made["configured"]
    assert {"reading", "batch"} <= {one["name"] for one in made["findings"]["tables"]}
    assert made["findings"]["series"] == 1
    assert not made["pending"]
    assert engine.url not in text


async def test_a_database_that_isnt_reached(engine: Engine, schema: str) -> None:
    away = {"DATABASE_URL": f"postgresql://x:secret@127.0.0.1:{free_port()}/x"}
    status, _, said = await taktline("doctor", **away)
    assert status == 2
    assert said.startswith("taktline: No database answers at postgresql://x@127.0.0.1")
    status, text, said = await taktline("doctor", "--json", **away)
    assert (status, json.loads(text)["ok"]) == (2, False)
    assert "secret" not in text + said
    status, _, said = await taktline("doctor", API_PORT="x")
    assert status == 2
    assert "API_PORT" in said


async def test_what_a_migration_would_do(engine: Engine, schema: str) -> None:
    """Nothing is changed by asking, and a schema that isn't there is no schema of somebody else's."""
    there = {"DATABASE_URL": engine.url, "DATABASE_SCHEMA": schema}
    status, listed, _ = await taktline("migrate", "--check", **there)
    assert status == 1
    assert listed.splitlines()[0] == "would apply schema/001_batch.sql"
    status, page, _ = await taktline("doctor", **there)
    assert status == 1
    assert "the schema isn't that of this version" in page
    assert await migrate(engine.url, schema, engine.server, lambda _: None) == [
        line.removeprefix("would apply ") for line in listed.splitlines()
    ]
    assert await pending(engine.url, schema, engine.server) == []
    assert (await taktline("migrate", "--check", **there))[0] == 0
