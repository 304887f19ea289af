"""Reads the SQL of `sql/`, a folder of this package in an installed wheel, and at the top of the repository otherwise.

SQL that several statements share, or that differs between the editions, is kept in `sql/queries/parts/`. A line such as
`:exact(minute, $1, $2)` is replaced by that part, in which names like `:rollup` are filled in from the table below. The
parts are no SQL functions, because TimescaleDB takes into account how far an aggregate is materialised only where the
query's own text names the aggregate: see docs/decisions/no-function-over-aggregates.md.
"""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal

from service.errors import StartError

Edition = Literal["community", "apache"]


def _size(rollup: str, width: str, *, late_bucket: str | None = None, columns: str = "*") -> dict[str, str]:
    """The names and expressions for buckets of one size; `late_bucket` is an expression for the bucket of a late
    minute."""
    late_bucket = late_bucket or f"time_bucket(interval '{width}', late_minute.bucket)"
    return {"rollup": rollup, "width": width, "late_bucket": late_bucket, "columns": columns}


_TOTALS = "bucket, readings, plan_sum, plan_count, plan_min, plan_max, fact_sum, fact_count, fact_min, fact_max"
SIZES = {
    "minute": _size("minute_rollup", "1 minute", late_bucket="late_minute.bucket"),
    "quarter": _size("quarter_rollup", "15 minutes"),
    "hour": _size("hour_rollup", "1 hour"),
    "day": _size("day_rollup", "1 day"),
    "total": _size("quarter_total", "15 minutes", columns=_TOTALS),
}

_ORDERS = {True: {"beyond": "<", "order": "desc"}, False: {"beyond": ">", "order": "asc"}}
"""What is filled in to read the newest readings first, and the oldest first."""

QUERIES = (
    "all_keys",
    "any_keys",
    "any_readings",
    "applied_functions",
    "applied_migrations",
    "blockers",
    "buckets",
    "buckets_from_totals",
    "chunks_of_days",
    "claim_job",
    "clear_late",
    "committed",
    "compress_directly",
    "count_at_instant",
    "count_series",
    "create_ledger",
    "create_ledger_of_functions",
    "create_schema",
    "days_with_readings",
    "end_job",
    "existing_series",
    "find_batches",
    "first_series",
    "forget_batches",
    "forget_committers",
    "insert_batches",
    "insert_key",
    "insert_series",
    "install_extension",
    "jobs",
    "know_jobs",
    "late_runs",
    "late_windows",
    "lead",
    "live_keys",
    "lock_alone",
    "lock_schema",
    "make_chunks",
    "make_secret",
    "mark_late",
    "missing",
    "newest_fact",
    "newest_fact_day",
    "note_series",
    "note_used_keys",
    "occupants",
    "pace",
    "ping",
    "place",
    "readings",
    "record_functions",
    "record_migration",
    "refresh_at_once",
    "refresh_rollup",
    "retire_key",
    "revoke_key",
    "run_job",
    "secret",
    "series",
    "series_are_noted",
    "series_matching",
    "series_readings",
    "server",
    "spread",
    "spread_within_minute",
    "stay_leader",
    "totals",
    "unlock_alone",
    "unnoted_series",
    "parts/exact.apache",
    "parts/exact.community",
    "parts/exact_on_days.apache",
    "parts/exact_on_days.community",
    "parts/of_days_and_smaller",
    "parts/of_one_size",
)
"""Every file of `sql/queries`. With this list the service notices at its start where a file is missing."""

_PART = re.compile(r"^( *):(\w+)\((.+)\)$", re.MULTILINE)
_COMMA = re.compile(r", (?![^(]*\))")
"""A comma between two arguments, which isn't within parentheses."""
_ONLY_FOR = re.compile(r"^(.*\S) +-- for ([a-z, ]+)\n", re.MULTILINE)
"""A line that is there for some aggregates alone."""
_NAME = re.compile(r"(?<!:):([a-z_]+)")


def sql_folder() -> Path:
    """The folder with `schema/`, `functions/` and `queries/`."""
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
def query(
    name: str,
    size: str | None = None,
    *,
    with_days: bool = False,
    agg: str | None = None,
    down: bool | None = None,
    edition: Edition = "community",
) -> str:
    """The statement in `sql/queries/<name>.sql`. `size` is that of its buckets, for files that leave it open: minute,
    quarter, hour or day. `with_days`: it reads buckets of days, and those of `size` only where a step begins within a
    day. `agg`: what it computes, for files with lines for some aggregates alone. `down`: the newest readings come
    first, for files that leave the order open."""
    text = _ONLY_FOR.sub(lambda line: line[1] + "\n" if agg in _COMMA.split(line[2]) else "", read_queries()[name])
    if size is not None:
        shape = _part("of_days_and_smaller" if with_days else "of_one_size")
        text = text.replace("  :part", _indented(shape, "  ")).replace(":size", size)
    if down is not None:
        text = _NAME.sub(lambda found: _ORDERS[down].get(found[1], found[0]), text)
    return _PART.sub(lambda found: _indented(_filled(found[2], found[3], edition), found[1]), text)


def _part(name: str) -> str:
    """The text of a part without the comment at its beginning."""
    lines = read_queries()[f"parts/{name}"].splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith("--"))


def _filled(name: str, arguments: str, edition: Edition) -> str:
    size, first, until = _COMMA.split(arguments)
    names = SIZES[size] | {"first": first, "until": until}
    return _NAME.sub(lambda found: names[found[1]], _part(f"{name}.{edition}"))


def _indented(text: str, indent: str) -> str:
    return "\n".join(f"{indent}{line}" for line in text.splitlines())
