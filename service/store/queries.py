"""Finds the SQL: `sql/` beside this module in an installed wheel, at the top of the repository otherwise.

Where several relations are read alike, one file has the statement, with names like `:rollup` in it, which are filled in
from the closed table here. It isn't an SQL function, because TimescaleDB knows how far an aggregate is
materialised while it plans only where the aggregate stands in the query's own text.
"""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from service.errors import StartError

LATE_BUCKETS = {
    "minute": "late_minute.bucket",
    "quarter": "time_bucket(interval '15 minutes', late_minute.bucket)",
    "hour": "time_bucket(interval '1 hour', late_minute.bucket)",
    "day": "time_bucket(interval '1 day', late_minute.bucket)",
}
"""The bucket of each size that a late minute lies in."""

QUERIES = (
    "any_readings",
    "applied_migrations",
    "buckets",
    "buckets_from_totals",
    "claim_job",
    "clear_late",
    "committed",
    "compress_directly",
    "count_at_instant",
    "create_ledger",
    "create_schema",
    "days_with_readings",
    "end_job",
    "find_batches",
    "forget_batches",
    "forget_committers",
    "insert_batches",
    "install_extension",
    "jobs",
    "know_jobs",
    "late_days",
    "late_windows",
    "lock_alone",
    "lock_schema",
    "mark_late",
    "newest_fact",
    "newest_fact_day",
    "pace",
    "ping",
    "readings_down",
    "readings_up",
    "record_migration",
    "refresh_at_once",
    "refresh_rollup",
    "run_job",
    "series",
    "series_readings_down",
    "series_readings_up",
    "server",
    "spread",
    "spread_within_minute",
    "totals",
    "unlock_alone",
    "parts/of_days_and_smaller",
    "parts/of_one_rollup",
)
"""Every file of `sql/queries`. The list tells at start what is missing there, which a look at the folder can't."""

_NAME = re.compile(r"(?<!:):([a-z_]+)")


def sql_folder() -> Path:
    """The folder with `schema/` and `queries/`."""
    shipped = Path(__file__).parents[1] / "sql"
    return shipped if shipped.is_dir() else Path(__file__).parents[2] / "sql"


@cache
def read_queries() -> Mapping[str, str]:
    """The text of every file of `sql/queries` by its name; StartError names the one that can't be read."""
    texts = {}
    for name in QUERIES:
        path = sql_folder() / "queries" / f"{name}.sql"
        try:
            texts[name] = path.read_text(encoding="utf-8")
        except OSError as exc:
            raise StartError(f"{path}, a part of Taktline, can't be read: {exc.strerror}. Install it again.") from exc
    return texts


@cache
def query(name: str, size: str | None = None, *, with_days: bool = False) -> str:
    """The one statement in `sql/queries/<name>.sql`; where it has names to be filled in, for buckets of a size: minute,
    quarter, hour or day. `with_days`: for days, and buckets of that size where a step begins within a day."""
    text = read_queries()[name]
    if size is None:
        return text
    part = "of_days_and_smaller" if with_days else "of_one_rollup"
    return _fill(text.replace("  :part", _indented(_without_comment(read_queries()[f"parts/{part}"]))), size)


def _fill(text: str, size: str) -> str:
    names = {
        "rollup": f"{size}_rollup",
        "rollup_of_days": f"{size}s_of_days",
        "late": f"late_{size}s",
        "late_bucket": LATE_BUCKETS[size],
        "part": "part",
    }
    return _NAME.sub(lambda found: names[found[1]], text)


def _without_comment(text: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith("--"))


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())
