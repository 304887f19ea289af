"""Measures pages of a large table, by number and by cursor, against the same pages by OFFSET."""

import time
from collections.abc import Awaitable
from datetime import timedelta

from bench.rollups import refresh
from bench.service import Target
from bench.table import median, show

READINGS, BRIEF = 2_000_000, 200_000
SERIES = 20
EVERY = 10
"""Seconds between two readings of a series."""
ROUNDS = 15
DAY = """
insert into reading (ts, series, plan, fact)
select ts, 'series ' || number, 40, 30 + (random() * 15)::integer
from generate_series($1::timestamptz, $1::timestamptz + $2::interval - interval '1 second', $3::interval) ts,
  generate_series(1, $4::integer) number
order by ts
"""
OFFSET = "select ts, id, series, plan, fact, attributes from reading order by ts desc, id desc limit 50 offset $1"


async def measure(target: Target) -> None:
    count = await _fill(target, target.readings or (BRIEF if target.brief else READINGS))
    pages = -(-count // 50)
    numbers = sorted({1, 1000, 100_000, pages} - {number for number in (1000, 100_000) if number > pages})
    con = await target.connect()
    times: dict[str, list[float]] = {}
    async with target.client(120) as http:

        async def timed(name: str, work: Awaitable[object]) -> None:
            started = time.perf_counter()
            await work
            times.setdefault(name, []).append(time.perf_counter() - started)

        cursors = {number: (await http.get("/display", params={"page": number - 1 or 1})).links for number in numbers}
        for turn in range(ROUNDS):
            for number in numbers:
                await timed(f"page {number}", http.get("/display", params={"page": number}))
                await timed(f"next {number}", http.get(cursors[number]["next"]["url"]))
                if turn < 3:
                    await timed(f"offset {number}", con.fetch(OFFSET, (number - 1) * 50))
            await timed("series", http.get("/display", params={"series": "series 7", "page": pages // SERIES}))
            await timed("total", http.get("/display", params={"per_page": 1}))
            if turn < 3:
                await timed("count", con.fetch("select count(*) from reading"))
    await con.close()
    first = median(times["page 1"])
    rows = [_row(f"page {number:,}", number, times, first) for number in numbers]
    show(f"Pages of 50 of {count:,} readings", ["", "by number", "of page 1", "by cursor", "OFFSET"], rows)
    rows = [
        ["last page of one series in 20", _ms(times["series"]), ""],
        ["the exact total, to the first byte", _ms(times["total"]), f"{_ms(times['count'])} (count(*))"],
    ]
    show("The same, other questions", ["", "ours", "plain SQL"], rows)


async def _fill(target: Target, wanted: int) -> int:
    """Write readings of many days up to now by SQL, and refresh the rollups."""
    con = await target.connect()
    per_day = SERIES * 86400 // EVERY
    days = max(1, wanted // per_day)
    for number in range(days, 0, -1):
        start = await con.fetchval("select date_trunc('day', now()) - $1 * interval '1 day'", number)
        await con.execute(DAY, start, timedelta(days=1), timedelta(seconds=EVERY), SERIES)
    if "community" in target.describe:
        await refresh(con)
    await con.execute("analyze reading")
    count: int = await con.fetchval("select count(*) from reading")
    await con.close()
    return count


def _row(name: str, number: int, times: dict[str, list[float]], first: float) -> list[str]:
    page = times[f"page {number}"]
    return [
        name,
        _ms(page),
        f"{median(page) / first:.2f}",
        _ms(times[f"next {number}"]),
        _ms(times[f"offset {number}"]),
    ]


def _ms(values: list[float]) -> str:
    return f"{1000 * median(values):,.1f} ms"
