"""Whether a schema may be used: that it holds nobody else's tables under our names, and lacks none of ours.

Each session looks for a name in its own schema first, and then in that of the extension, where another installation may
have a relation with the same name. So what is missing must never be read or written in its place.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

import asyncpg

from service.errors import SchemaError, Unavailable, counted
from service.store.pool import Pool
from service.store.queries import query

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]"

LEDGERS = {"migration", "applied_functions"}
"""The tables that record which files were applied. They are there before any file is."""
_LEDGER = ["applied_at", "name", "number", "sha256"]
"""The columns of `migration`, by which it is told from another program's table with that name."""
_NAMED = 3
"""How many relations a sentence names."""


async def check_free(con: "Connection", schema: str, path: str, names: set[str]) -> None:
    """Raise SchemaError where the session isn't in the schema, or something in it that isn't ours has one of the
    names. Nothing is changed."""
    [place] = await con.fetch(query("place"), schema)
    if place["search_path"] != path:
        raise SchemaError(
            f"The sessions of the database don't begin with the search_path {path}, but with {place['search_path']}. "
            "A pooler in between has to begin its sessions with it; PgBouncer does so by "
            f"connect_query='select set_config(''search_path'', ''{path}'', false)'. Nothing was changed."
        )
    ours = place["ledger"] == _LEDGER
    if ours and await con.fetch(query("applied_migrations")):
        return
    others = await con.fetch(query("occupants"), schema, sorted(names if ours else names | LEDGERS))
    if others:
        found = _listed([f"the {one['kind']} {one['name']}" for one in others])
        raise SchemaError(
            f"The schema {schema} has {found} already, "
            "made by something else than Taktline. Choose another DATABASE_SCHEMA. Nothing was changed."
        )


async def check_inside(con: "Connection", schema: str) -> None:
    """Raise SchemaError where the session would create its tables in another schema than this one, which exists."""
    [place] = await con.fetch(query("place"), schema)
    if place["schema"] != schema:
        where = "no schema" if place["schema"] is None else f"the schema {place['schema']}"
        raise SchemaError(
            f"The sessions of the database are in {where}, and not in {schema}, the DATABASE_SCHEMA, although their "
            f"search_path is {place['search_path']}. Nothing was changed."
        )


async def check_whole(con: "Connection", schema: str, names: set[str]) -> None:
    """Raise SchemaError where the schema lacks one of the names."""
    if lacking := [row["name"] for row in await con.fetch(query("missing"), sorted(names))]:
        raise SchemaError(_lacks(schema, lacking))


class Inventory:
    """Looks from time to time whether the schema still has everything. While it hasn't, nothing is read."""

    def __init__(self, pool: Pool, reading: Pool, schema: str, names: set[str], newest: int) -> None:
        self._pool, self._reading, self._schema = pool, reading, schema
        self._names, self._newest = sorted(names), newest

    @property
    def lacking(self) -> str | None:
        """The sentence that says what the schema lacks; None where nothing was missing when it was last looked at."""
        return self._reading.unusable

    async def look(self) -> None:
        """Look for what is missing, unless a later version has changed the schema, perhaps by dropping it."""
        rows = await self._pool.read("missing", self._names)
        missing = [row["name"] for row in rows]
        gone = missing and ("migration" in missing or not await self._is_of_a_later_version())
        self._reading.unusable = _lacks(self._schema, missing) if gone else None

    async def _is_of_a_later_version(self) -> bool:
        try:
            applied = await self._pool.read("applied_migrations")
        except Unavailable:
            return False
        return any(row["number"] > self._newest for row in applied)


def _lacks(schema: str, missing: Sequence[str]) -> str:
    return (
        f"The schema {schema} lacks {_listed(missing)}: somebody has dropped what was there. Restore it from a backup; "
        "or, if the table reading is whole, export that and import it into a new DATABASE_SCHEMA."
    )


def _listed(names: Sequence[str]) -> str:
    shown = list(names[:_NAMED])
    if len(names) > _NAMED:
        shown.append(f"{counted(len(names) - _NAMED, 'other')}")
    *before, last = shown
    return f"{', '.join(before)} and {last}" if before else last
