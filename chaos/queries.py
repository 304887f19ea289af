"""The statements of the checks, each in a file of its own."""

from functools import cache
from pathlib import Path


@cache
def query(name: str) -> str:
    """The statement in `sql/<name>.sql`."""
    return (Path(__file__).parent / "sql" / f"{name}.sql").read_text(encoding="utf-8")
