"""Finds the SQL: `sql/` beside this module in an installed wheel, at the top of the repository otherwise.

Where several relations are read alike, one file has the statement, with names like `:rollup` in it, which are filled in
from the closed table here. It isn't an SQL function, because TimescaleDB knows how far an aggregate is
materialised while it plans only where the aggregate stands in the query's own text.
"""

import re
from functools import cache
from pathlib import Path

LATE_BUCKETS = {
    "minute": "late_minute.bucket",
    "quarter": "time_bucket(interval '15 minutes', late_minute.bucket)",
    "hour": "time_bucket(interval '1 hour', late_minute.bucket)",
    "day": "time_bucket(interval '1 day', late_minute.bucket)",
}
"""The bucket of each size that a late minute lies in."""

_NAME = re.compile(r"(?<!:):([a-z_]+)")


def sql_folder() -> Path:
    """The folder with `schema/` and `queries/`."""
    shipped = Path(__file__).parents[1] / "sql"
    return shipped if shipped.is_dir() else Path(__file__).parents[2] / "sql"


@cache
def query(name: str, size: str | None = None, *, with_days: bool = False) -> str:
    """The one statement in `sql/queries/<name>.sql`; where it has names to be filled in, for buckets of a size: minute,
    quarter, hour or day. `with_days`: for days, and buckets of that size where a step begins within a day."""
    text = _read(name)
    if size is None:
        return text
    part = "of_days_and_smaller" if with_days else "of_one_rollup"
    return _fill(text.replace("  :part", _indented(_without_comment(_read(f"parts/{part}")))), size)


def _read(name: str) -> str:
    return (sql_folder() / "queries" / f"{name}.sql").read_text(encoding="utf-8")


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
