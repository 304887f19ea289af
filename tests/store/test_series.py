"""The table of series: what was acknowledged is in it, and choosers read it without waiting."""

import asyncio
import time

import pytest

from service.errors import BadReading
from service.intake.batch import Receipt
from service.intake.copy_rows import text_field
from service.store import Store, open_store
from service.store.migrate import search_path
from service.store.queries import query
from service.store.series import PATIENCE
from tests.batches import broken, one_of_each, packed
from tests.conftest import Engine
from tests.database import connected
from tests.harness import Running

pytestmark = pytest.mark.anyio

MANY = "insert into series select 'line ' || to_char(number, 'FM000000') from generate_series(1, $1::integer) number"


async def in_table(engine: Engine, schema: str) -> list[str]:
    async with connected(engine, schema) as con:
        return [name for (name,) in await con.fetch("select name from series order by name")]


# --- writing


async def test_names_are_written_with_their_readings(engine: Engine, schema: str, store: Store) -> None:
    names = ["b", "a", "Übung", "x" * 200, "😀", "line\n1", "B"]
    await store.batches.write(
        [packed(None, *one_of_each(*names[:4])), packed(None, *one_of_each(*names[3:]))], Receipt()
    )
    assert await in_table(engine, schema) == sorted(names)
    assert store.batches.known == {text_field(name.encode()) for name in names}


async def test_a_batch_that_is_not_written_leaves_no_name(engine: Engine, schema: str, store: Store) -> None:
    await store.batches.write([packed("one", *one_of_each("a"))], Receipt())
    await store.batches.write([packed("one", *one_of_each("duplicate, by its id"))], Receipt())
    with pytest.raises(BadReading):
        await store.batches.write([packed(None, *one_of_each("undone")), broken()], Receipt())
    assert await in_table(engine, schema) == ["a"]
    assert store.batches.known == {text_field(b"a")}
    await store.batches.write([packed(None, *one_of_each("undone"))], Receipt())
    assert await in_table(engine, schema) == ["a", "undone"]


async def test_a_name_is_known_only_once_its_transaction_is_committed(
    engine: Engine, schema: str, store: Store
) -> None:
    """A committer whose connection is lost before COMMIT writes the name again."""
    async with connected(engine, schema) as con:
        await con.execute(
            "create function cut() returns trigger language plpgsql as $$ begin "
            "raise exception using errcode = '57P01'; end $$"
        )
        await con.execute(
            "create constraint trigger cut after insert on series deferrable initially deferred "
            "for each row execute function cut()"
        )
        receipt = Receipt()
        with pytest.raises(Exception, match="can't do this now"):
            await store.batches.write([packed(None, *one_of_each("a"))], receipt)
        assert store.batches.known == set()
        await con.execute("drop trigger cut on series")
        await store.batches.write([packed(None, *one_of_each("a"))], receipt)
    assert await in_table(engine, schema) == ["a"]


async def test_two_replicas_with_the_same_new_names_do_not_block_each_other(
    engine: Engine, schema: str, store: Store
) -> None:
    async with open_store(engine.url, search_path(schema, engine.server), engine.server) as other:
        for turn in range(10):
            names = [f"{turn} {number:03}" for number in range(100)]
            await asyncio.gather(
                store.batches.write([packed(None, *one_of_each(*names))], Receipt()),
                other.batches.write([packed(None, *one_of_each(*reversed(names)))], Receipt()),
            )
    assert len(await in_table(engine, schema)) == 1000


# --- replicas of the version before


async def test_what_an_earlier_version_left_out_is_added(engine: Engine, schema: str, store: Store) -> None:
    async with connected(engine, schema) as con:

        async def by_earlier_version(name: str, ago: str, began: str = "now()") -> None:
            """Write a reading as that version does, and mark it where that has to be done."""
            async with con.transaction():
                await con.execute(
                    "insert into committer (id, number, at) values ('00000000-0000-0000-0000-000000000001', 1, "
                    f"{began}) on conflict (id) do update set number = committer.number + 1, at = excluded.at"
                )
                await con.execute(
                    f"insert into reading (ts, series, plan) values (now() - interval '{ago}', $1, 1)", name
                )
                if engine.server.edition == "community":
                    await con.execute(query("mark_late"), [int(time.time() - 86_400 * 30) // 60])

        await store.batches.write([packed(None, *one_of_each("mine"))], Receipt())
        assert await store.series.note_missed() == 0
        await by_earlier_version("theirs", "1 minute")
        assert await store.series.note_missed() == 1
        await by_earlier_version("later", "1 minute")
        assert await store.series.note_missed() == 1
        assert await in_table(engine, schema) == ["later", "mine", "theirs"]
        # once that replica has been gone for some time, nobody looks for its readings any more
        await by_earlier_version("unmarked", "1 minute", began="now() - interval '3 minutes'")
        assert await store.series.note_missed() == 0
        assert "unmarked" not in await in_table(engine, schema)
        if engine.server.edition == "community":
            await by_earlier_version("long ago", "30 days")
            assert await store.series.note_missed() == 2
            assert "long ago" in await in_table(engine, schema)


# --- choosers


async def test_choosers_have_a_few_thousand_names_at_most_and_have_them_at_once(
    engine: Engine, schema: str, store: Store
) -> None:
    async with connected(engine, schema) as con:
        await con.execute(MANY, 100_000)
        await con.execute("analyze series")
        told = await con.fetchval("explain (format json) " + query("series"), None)
    assert '"Seq Scan"' not in told
    assert '"Sort"' not in told
    names = await store.series.names()
    assert (len(names), names[0], names[-1]) == (3000, "line 000001", "line 003000")
    assert await store.series.names(("*99999",)) == ["line 099999"]
    assert await store.series.names(("line 00000*", "l%")) == [f"line 00000{number}" for number in range(1, 10)]


async def test_choosers_do_not_wait_for_a_database_that_is_slow(engine: Engine, schema: str, store: Store) -> None:
    await store.batches.write([packed(None, *one_of_each("a"))], Receipt())
    assert await store.series.names() == ["a"]
    store.series.fresh_for, store.series.patience = 0, PATIENCE
    async with connected(engine, schema) as con:
        async with con.transaction():
            await con.execute("lock table series")
            await con.execute("insert into series values ('b')")
            async with asyncio.timeout(5):  # the lock is held for as long as it takes
                for _ in range(100):  # nobody waits for a read that is slow already
                    assert await store.series.names() == ["a"]
                    assert await store.series.names(("none *",)) == []
        async with asyncio.timeout(10):
            while await store.series.names() != ["a", "b"]:  # noqa: ASYNC110
                await asyncio.sleep(0.01)


async def test_a_page_is_answered_though_the_names_cannot_be_read(engine: Engine, schema: str, fresh: Running) -> None:
    assert (await fresh.http.post("/readings", json={"plan": 1, "series": "line 1"})).status_code == 200
    fresh.parts.store.series.fresh_for = 0
    html = {"Accept": "text/html"}
    assert 'value="line 1"' in (await fresh.http.get("/", headers=html)).text
    async with connected(engine, schema) as con:
        await con.execute("alter table series rename to gone")
        for path in ("/", "/display"):
            answer = await fresh.http.get(path, headers=html)
            assert answer.status_code == 200
            assert 'value="line 1"' in answer.text
        assert (await fresh.http.get("/live/series")).json() == {"series": ["line 1"]}
        await con.execute("alter table gone rename to series")
    assert (await fresh.http.get("/live/series")).json() == {"series": ["line 1"]}


async def test_what_choosers_keep_is_bounded(engine: Engine, schema: str, store: Store) -> None:
    async with connected(engine, schema) as con:
        await con.execute("insert into series select repeat('x', 190) || n from generate_series(1, 3000) n")
    for number in range(20):
        assert len(await store.series.names(("x*", f"{number}"))) == 3000
    assert store.series._kept.currsize <= store.series._kept.maxsize
    assert len(store.series._kept) < 20
