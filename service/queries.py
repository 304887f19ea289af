"""Finds the SQL: `sql/` beside this module in an installed wheel, at the top of the repository otherwise."""

from functools import cache
from pathlib import Path


def sql_folder() -> Path:
    """The folder with `schema/` and `queries/`."""
    shipped = Path(__file__).with_name("sql")
    return shipped if shipped.is_dir() else Path(__file__).parents[1] / "sql"


@cache
def query(name: str) -> str:
    """The one statement in `sql/queries/<name>.sql`."""
    return (sql_folder() / "queries" / f"{name}.sql").read_text(encoding="utf-8")
