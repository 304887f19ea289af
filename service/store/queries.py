"""Finds the SQL: `sql/` beside this module in an installed wheel, at the top of the repository otherwise.

What several statements share, or what differs between the editions, stands once in `sql/queries/parts/`. A line such as
`:exact(minute, $1, $2)` is replaced by that part, in which names like `:rollup` are filled in from the table here. This
is no SQL function, because TimescaleDB knows how far an aggregate is materialised while it plans only where the
aggregate stands in the query's own text: see docs/decisions/no-function-over-aggregates.md.
"""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal

from service.errors import StartError

Edition = Literal["community", "apache"]


def _size(rollup: str, width: str, *, late_bucket: str | None = None, columns: str = "*") -> dict[str, str]:
    """What is filled in for buckets of a size; `late_bucket` is the one that a late minute lies in."""
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

QUERIES = (
    "any_readings",
    "applied_functions",
    "applied_migrations",
    "buckets",
    "buckets_from_totals",
    "claim_job",
    "clear_late",
    "committed",
    "compress_directly",
    "count_at_instant",
    "create_ledger",
    "create_ledger_of_functions",
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
    "record_functions",
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
    "parts/exact.apache",
    "parts/exact.community",
    "parts/exact_on_days.apache",
    "parts/exact_on_days.community",
    "parts/of_days_and_smaller",
    "parts/of_one_size",
)
"""Every file of `sql/queries`. The list tells at start what is missing there, which a look at the folder can't."""

_PART = re.compile(r"^( *):(\w+)\((.+)\)$", re.MULTILINE)
_COMMA = re.compile(r", (?![^(]*\))")
"""One that isn't within parentheses."""
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
def query(name: str, size: str | None = None, *, with_days: bool = False, edition: Edition = "community") -> str:
    """The one statement in `sql/queries/<name>.sql`; where it leaves that open, for buckets of a size: minute, quarter,
    hour or day. `with_days`: for days, and buckets of that size where a step begins within a day."""
    text = read_queries()[name]
    if size is not None:
        shape = _part("of_days_and_smaller" if with_days else "of_one_size")
        text = text.replace("  :part", _indented(shape, "  ")).replace(":size", size)
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
