"""Refreshes the rollups after a benchmark has written readings, as the policies would do later."""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from service.store.conflicts import LONG_PATIENCE, insist
from service.store.queries import query

if TYPE_CHECKING:
    import asyncpg

BEHIND = {
    "minute_rollup": timedelta(minutes=3),
    "quarter_rollup": timedelta(minutes=30),
    "quarter_total": timedelta(minutes=30),
    "hour_rollup": timedelta(hours=2),
    "day_rollup": timedelta(days=2),
}
"""How far each rollup stays behind the present: at least as far as its policy, and farther than the rollup that it is
computed from."""


async def refresh(
    con: "asyncpg.Connection[asyncpg.Record]", first: datetime | None = None, until: datetime | None = None
) -> None:
    """Refresh all rollups in a period, or for all time. The server's own jobs may be doing the same."""
    for rollup, behind in BEHIND.items():
        latest = datetime.now(UTC) - behind
        window = (rollup, first, min(until or latest, latest))
        await insist(partial(con.execute, query("refresh_rollup"), *window, timeout=3600), LONG_PATIENCE)
