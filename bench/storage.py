"""Measures what a reading takes on the disk: as rows, in the columnstore, and its rollups."""

import random
from datetime import UTC, datetime, timedelta

from bench.rollups import refresh
from bench.service import Target
from bench.table import show

READINGS, BRIEF = 300_000, 50_000
SERIES, BODY = 20, 50_000
SHAPES = {"plan and fact": "", "and an attribute": '"{""order"": ""A-%d""}"'}
"""What readings have beside their series; of attributes, each is another one for a hundred readings."""
START = timedelta(days=35)
"""How long ago the first of them is; they lie a second apart, those of all series, so that each has three a minute."""
SIZE = "select hypertable_size('reading')"
CLEAR = "truncate reading"
DECOMPRESS = "select decompress_chunk(chunk, if_compressed => true) from show_chunks('reading') as chunk"
COMPRESS = "select compress_chunk(chunk, if_not_compressed => true) from show_chunks('reading') as chunk"
ROLLUPS = ("minute_rollup", "quarter_rollup", "quarter_total", "hour_rollup", "day_rollup")
ROLLUP_SIZE = """
select hypertable_size(format('%I.%I', materialization_hypertable_schema, materialization_hypertable_name)::regclass)
from timescaledb_information.continuous_aggregates
where view_schema = current_schema() and view_name = $1
"""


async def measure(target: Target) -> None:
    count = target.readings or (BRIEF if target.brief else READINGS)
    rows = [await _bytes(target, count, shape) for shape in SHAPES]
    rows[-1][-1] = "the same"
    head = ["bytes per reading", "as rows", "columnstore", "its rollups"]
    show(f"{count:,} readings of {SERIES} series, one a second", head, rows)


async def _bytes(target: Target, count: int, shape: str) -> list[str]:
    """Write readings, and see what they take: first as rows, with their index, then all of them in the columnstore."""
    con = await target.connect()
    try:
        await con.execute(CLEAR)
        before = {rollup: await con.fetchval(ROLLUP_SIZE, rollup) for rollup in ROLLUPS}
        start = datetime.now(UTC).replace(microsecond=0) - START
        async with target.client(300) as http:
            for first in range(0, count, BODY):
                body = _body(start, first, min(first + BODY, count), SHAPES[shape])
                answer = await http.post("/readings", content=body, headers={"Content-Type": "text/csv"})
                assert answer.status_code == 200, answer.text
        await con.execute(DECOMPRESS)
        rows = await con.fetchval(SIZE)
        await refresh(con)
        rollups = sum([await con.fetchval(ROLLUP_SIZE, rollup) - before[rollup] for rollup in ROLLUPS])
        await con.execute(COMPRESS)
        columnstore = await con.fetchval(SIZE)
    finally:
        await con.close()
    return [shape, *(f"{size / count:.1f}" for size in (rows, columnstore, rollups))]


def _body(start: datetime, first: int, last: int, attributes: str) -> bytes:
    """The readings from the number `first` up to `last`, as CSV, in the order of time."""
    at = round(start.timestamp())
    given = (attributes % (number // 100) if attributes else "" for number in range(first, last))
    chance = random.Random(first)
    rows = [
        f"{at + number},line {number % SERIES},40,{chance.gauss(38, 4):.1f},{more}\n"
        for number, more in zip(range(first, last), given, strict=True)
    ]
    return ("ts,series,plan,fact,attributes\n" + "".join(rows)).encode()
