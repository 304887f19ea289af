"""Every statement of `sql/queries`, on the engine of the tests."""

import asyncio
import os
import re
import shutil
import sys
from itertools import product
from pathlib import Path
from typing import Any, get_args

import asyncpg
import pytest

from service.store.migrate import migrate, search_path
from service.store.queries import QUERIES, Edition, query, read_queries, sql_folder
from tests.conftest import Engine

FOLDER = sql_folder() / "queries"
NAMES = sorted(path.stem for path in FOLDER.glob("*.sql"))
ROOT = Path(__file__).parents[2]
OPEN = {
    "buckets": ["minute", "quarter", "hour", "day"],
    "spread": ["day", "hour", "minute"],
    "totals": ["minute", "quarter", "hour", "day"],
}
"""The statements that leave the size of buckets open, and the sizes with which they are used."""
AGGREGATES = {
    "buckets": ["sum", "avg", "min", "max", "last", "increase"],
    "buckets_from_totals": ["sum", "avg", "min", "max"],
}
"""The statements with lines for some aggregates alone, and those with which they are used."""
COMMUNITY = {
    "announce_kept",
    "announce_rollups_kept",
    "compress_after",
    "examined_lag",
    "gone_before",
    "note_refreshed",
    "refresh_windows",
    "clear_late",
    "jobs",
    "know_jobs",
    "any_late_between",
    "late_runs",
    "late_since",
    "late_windows",
    "refresh_rollup",
    "claim_job",
    "end_job",
    "mark_corrected",
    "mark_late",
    "refreshable",
    "upto",
    "late_slices",
    "make_slices",
    "sliced",
    "snapshot",
    "vacuum_slices",
    "watermark_lag",
    "unsliced",
}
"""The statements that aren't used on the Apache edition."""
IN_ORDER = ["readings", "series_readings"]
"""The statements that leave the order of readings open."""
TEXTS: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in NAMES if not (name in OPEN or name in AGGREGATES or name in IN_ORDER)),
    *((name, {"size": size}) for name in ("spread", "totals") for size in OPEN[name]),
    *(
        ("buckets", {"size": size, "with_days": with_days, "agg": agg})
        for size, with_days in product(OPEN["buckets"], (True, False))
        for agg in AGGREGATES["buckets"]
        if (size != "day" or not with_days) and (agg != "increase" or (size, with_days) == ("minute", False))
    ),
    *(("buckets_from_totals", {"agg": agg}) for agg in AGGREGATES["buckets_from_totals"]),
    *((name, {"down": down}) for name in IN_ORDER for down in (True, False)),
]


@pytest.mark.anyio
async def test_every_statement_is_understood(engine: Engine, schema: str) -> None:
    await migrate(engine.url, schema, engine.server, lambda _: None)
    path = search_path(schema, engine.server)
    con = await asyncpg.connect(engine.url, server_settings={"search_path": path})
    try:
        for name, filled in TEXTS:
            if name == "begin_writing":  # two statements, which can't be prepared
                await con.execute(query(name) + "; rollback")
                continue
            if name in COMMUNITY and engine.server.edition != "community":
                continue
            try:
                await con.prepare(query(name, **filled, edition=engine.server.edition))
            except asyncpg.PostgresError as exc:
                pytest.fail(f"{name}, {filled}: {exc}")
    finally:
        await con.close()


@pytest.mark.parametrize(("name", "filled"), TEXTS)
@pytest.mark.parametrize("edition", get_args(Edition))
def test_nothing_is_left_to_fill_in(name: str, filled: dict[str, Any], edition: Edition) -> None:
    lines = query(name, **filled, edition=edition).splitlines()
    statement = "\n".join(line for line in lines if not line.lstrip().startswith("--"))
    assert not re.search(r"(?<!:):[a-z]|-- for ", statement)
    assert lines[0].startswith("-- ")


def test_every_file_is_read_at_start() -> None:
    """The list has all files of the folder."""
    files = [path.relative_to(FOLDER).with_suffix("").as_posix() for path in FOLDER.rglob("*.sql")]
    assert sorted(QUERIES) == sorted(files)
    assert read_queries().keys() == set(QUERIES)


@pytest.mark.anyio
async def test_a_file_that_is_missing_keeps_it_from_starting(tmp_path: Path) -> None:
    """The file is named in an error before the service connects to a database."""
    for folder in ("service", "sql"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    (tmp_path / "sql/queries/series.sql").unlink()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "service", "migrate"),
        cwd=tmp_path,
        env={**os.environ, "DATABASE_URL": "postgresql://127.0.0.1:1/x"},
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate()
    path = tmp_path / "sql/queries/series.sql"
    assert process.returncode == 1
    assert said.decode() == (
        f"taktline: {path}, a part of Taktline, can't be read: No such file or directory. Install it again.\n"
    )


def test_a_size_that_there_is_none_of() -> None:
    with pytest.raises(KeyError):
        query("buckets", "fortnight")
