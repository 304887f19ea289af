"""The SQL statements of the checks, each in a file of its own."""

from functools import cache
from pathlib import Path

WIDTHS = {"minute": "1 minute", "quarter": "15 minutes", "hour": "1 hour", "day": "1 day"}
"""The rollups by the unit of their buckets, with the width of these."""


@cache
def query(name: str) -> str:
    """The statement in `sql/<name>.sql`."""
    return (Path(__file__).parent / "sql" / f"{name}.sql").read_text(encoding="utf-8")


def differences(unit: str) -> str:
    """The statement that compares the rollup of this unit with the readings."""
    return query("differences").replace(":rollup", f"reading_{unit}").replace(":width", WIDTHS[unit])
