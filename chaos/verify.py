"""Compares the stored readings with what was sent, acknowledged and refused."""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import asyncpg
import msgspec

from chaos.history import Batch, History, Kind
from chaos.queries import WIDTHS, differences, query
from chaos.workload import FACTS

SHOWN = 10
"""The most offenders of each kind that are named."""


class Checked(msgspec.Struct, frozen=True):
    """How much was checked."""

    stored: int
    emitted: int
    buckets: int


async def check_rollups(con: "asyncpg.Connection[asyncpg.Record]", history: History) -> None:
    """Check that every rollup is what the readings add up to."""
    for unit in WIDTHS:
        rows = await con.fetch(differences(unit))
        if rows:
            shown = "; ".join(f"{row['bucket']} {row['series']} {row['kept']}/{row['counted']}" for row in rows[:SHOWN])
            history.violate(f"reading_{unit} isn't what its readings say (bucket, series, there/true): {shown}")


async def check(con: "asyncpg.Connection[asyncpg.Record]", history: History, spool: Path) -> Checked:
    """Check everything, once all batches are settled."""
    rows = await con.fetch(query("stored"))
    stored = {row["number"] for row in rows}
    _violate(history, "readings are stored more than once", [row["number"] for row in rows if row["times"] > 1])
    garbled = [row["number"] for row in await con.fetch(query("garbled"), FACTS)]
    _violate(history, "readings don't say what was sent", garbled)
    _check_batches(history, stored)
    remembered = {row["id"]: row["readings"] for row in await con.fetch(query("batches"))}
    _check_memory(history, remembered)
    await check_rollups(con, history)
    emitted = await _check_emitter(con, history, spool)
    buckets = await con.fetchval("select count(*) from reading_minute")
    return Checked(len(stored), emitted, buckets)


def _check_batches(history: History, stored: set[int]) -> None:
    lost, torn, unwanted, waiting = [], [], [], []
    sent = 0
    for batch in history.batches:
        there = sum(number in stored for number in _numbers(batch))
        sent += there
        if batch.acknowledged and there < batch.count:
            lost.append(batch)
        elif 0 < there < batch.count:
            torn.append(batch)
        if there and batch.kind in (Kind.BAD, Kind.REUSED):
            unwanted.append(batch)
        if not batch.settled:
            waiting.append(batch)
    _violate(history, "batches were acknowledged and aren't stored", map(_name, lost))
    _violate(history, "batches are stored in part", map(_name, torn))
    _violate(history, "batches are stored though they had to be refused", map(_name, unwanted))
    _violate(history, "batches were never answered", map(_name, waiting))
    if sent < len(stored):
        highest = history.batches[-1].first + history.batches[-1].count if history.batches else 0
        history.violate(f"{len(stored) - sent} stored readings were never sent (numbers end before {highest})")


def _check_memory(history: History, remembered: dict[str, int]) -> None:
    """Check that the remembered batch ids are those of acknowledged batches, and no others."""
    good = {batch.id: batch for batch in history.batches if batch.kind is Kind.GOOD}
    forgotten = [
        batch for batch in good.values() if batch.acknowledged and remembered.get(str(batch.id)) != batch.count
    ]
    _violate(history, "acknowledged batches aren't remembered", map(_name, forgotten))
    _violate(history, "ids are remembered that had to be refused", [one for one in remembered if one not in good])


async def _check_emitter(con: "asyncpg.Connection[asyncpg.Record]", history: History, spool: Path) -> int:
    """Check that everything that the emitter ever put into its spool is stored once; each of its batches is one
    reading."""
    made, left, refused = spooled(spool)
    [row] = await con.fetch(query("emitted"))
    if left or refused:
        history.violate(f"emitter: {left} batches still in the spool, {refused} refused")
    if not made == row["readings"] == row["batches"]:
        history.violate(f"emitter: {made} made, {row['readings']} readings and {row['batches']} batches stored")
    return int(row["readings"])


def spooled(spool: Path) -> tuple[int, int, int]:
    """How many batches were ever put into a spool, are in it now, and were set aside as refused."""
    with closing(sqlite3.connect(spool, timeout=10)) as database:
        made, left, refused = database.execute(
            "select (select coalesce(max(seq), 0) from sqlite_sequence where name = 'batch'),"
            " (select count(*) from batch), (select count(*) from refused)"
        ).fetchone()
    return made, left, refused


def _numbers(batch: Batch) -> range:
    return range(batch.first, batch.first + batch.count)


def _name(batch: Batch) -> str:
    answers = ", ".join(f"{answer.value} {times}x" for answer, times in batch.answers.items()) or "no answer"
    last = batch.first + batch.count - 1
    return f"{batch.id} ({batch.kind.value}, numbers {batch.first} to {last}, sent {batch.sent}x, {answers})"


def _violate(history: History, what: str, offenders: Iterable[object]) -> None:
    found = [str(one) for one in offenders]
    if found:
        more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        history.violate(f"{len(found)} {what}: {'; '.join(found[:SHOWN])}{more}")
