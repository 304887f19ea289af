"""Compares what the servers of a cluster have: the same, on the same timeline."""

import asyncio
import time

from chaos.history import History
from chaos.patroni import NAMES, Cluster
from chaos.queries import query
from service.store.log_position import LogPosition, log_position
from service.store.queries import read_queries

LIMIT = 60.0
"""Seconds that a standby may take to have what the primary has, while nobody writes."""
ANSWER_LIMIT = 10.0


async def compare(cluster: Cluster, history: History) -> None:
    """Compare each standby with the primary. What differs is a violation."""
    primary = await cluster.primary()
    wanted = await position(cluster, primary)
    async with cluster.look(primary) as con:
        there = dict((await con.fetch(query("contents")))[0])
    for name in NAMES:
        if name != primary and await _follows(cluster, name, wanted, history):
            async with cluster.look(name) as con:
                found = dict((await con.fetch(query("contents")))[0])
            history.tally["standbys compared"] += 1
            if found != there:
                history.violate(f"{name} has {found}, and {primary}, its primary, {there}")


async def position(cluster: Cluster, name: str) -> LogPosition:
    """Where a server is in the log."""
    read_queries()
    async with cluster.look(name) as con:
        return await log_position(con, ANSWER_LIMIT)


async def _follows(cluster: Cluster, name: str, wanted: LogPosition, history: History) -> bool:
    limit = time.monotonic() + LIMIT
    while True:
        found = await position(cluster, name)
        if found.parted_from(wanted) is None and found.position >= wanted.position:
            return True
        if time.monotonic() > limit:
            history.violate(f"{name} doesn't follow the primary: {found.parted_from(wanted) or 'it is behind'}")
            return False
        await asyncio.sleep(0.5)
