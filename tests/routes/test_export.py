"""Exports of readings as streams: they are complete, take constant memory, and can be posted back."""

import asyncio
import csv
import gzip
import io
import json
import random
import sys
import time
import tracemalloc
from collections.abc import Callable
from datetime import datetime
from typing import Any

import httpx
import pyarrow
import pyarrow.ipc
import pytest
from pyarrow import parquet

from service.period.selection import Selection
from service.routes import arrow_formats
from service.routes.export import FORMATS
from service.store.long_ranges import MOST_OF_PART
from service.store.pool import Pool
from tests.conftest import Engine, dropped_schema, settings_for
from tests.database import connected
from tests.harness import Running, running

pytestmark = pytest.mark.anyio
NOW = time.time()


def readings(count: int, seed: int = 5) -> list[dict[str, Any]]:
    """Readings of the past days, with everything that a reading can have."""
    rng = random.Random(seed)
    made = []
    for number in range(count):
        one: dict[str, Any] = {"ts": round(NOW - 3 * 86400 * rng.random() ** 3, 3), "series": rng.choice("ab ё;")}
        if number % 7:
            one["plan"] = rng.choice([40, 1e-300, 2**53, 0.1 + 0.2, -1e290])
        if number % 5:
            one["fact"] = rng.random()
        if number % 3 == 0:
            one |= {"attributes": {"x": 1}, "line\n": ['"', "\\", "😀"], "n": None, "comma": "a,b"}
        made.append(one)
    return made


async def rollups(engine: Engine, schema: str) -> list[Any]:
    """The exact buckets of all hours, as they would be drawn."""
    async with connected(engine, schema) as con:
        rows = await con.fetch("select * from reading_hour order by bucket, series")
    return [tuple(f"{value:.9g}" if isinstance(value, float) else value for value in row.values()) for row in rows]


@pytest.mark.parametrize(("form", "media_type"), [("ndjson", "application/x-ndjson"), ("csv", "text/csv")])
async def test_what_is_exported_can_be_posted_back(
    fresh: Running, engine: Engine, schema: str, form: str, media_type: str
) -> None:
    """After an import into a new schema, readings and rollups are the same."""
    await fresh.http.post("/readings", json=readings(500))
    text = (await fresh.http.get("/readings", params={"format": form})).content
    async with dropped_schema(engine) as other, running(settings_for(engine, other)) as copy:
        answer = await copy.http.post("/readings", content=text, headers={"Content-Type": media_type})
        assert answer.json() == {"written": 500, "duplicate": False}
        assert (await copy.http.get("/readings", params={"format": form})).content == text
        assert await rollups(engine, other) == await rollups(engine, schema)


async def test_a_range_in_order_and_in_parts(fresh: Running) -> None:
    """There are more readings than fit into one part, many of them of one instant. Each is exported once, oldest
    first."""
    count = MOST_OF_PART * 2 + 300
    start = int(NOW) - 7200
    made = [{"ts": start + number // 700, "plan": number, "series": "ab"[number % 2]} for number in range(count)]
    await fresh.http.post("/readings", json=made)
    lines = (await fresh.http.get("/readings")).text.splitlines()
    assert [json.loads(line)["plan"] for line in lines] == list(range(count))
    params: dict[str, Any] = {"from": start + 1, "until": start + 3, "series": "a", "format": "csv"}
    rows = list(csv.DictReader(io.StringIO((await fresh.http.get("/readings", params=params)).text)))
    assert [int(row["plan"]) for row in rows] == list(range(700, 2100, 2))


async def test_readings_that_are_close_together_and_far_apart(fresh: Running) -> None:
    """A range is read in windows of time, which follow how many readings there are: a burst within a millisecond, a
    moment later another one, and then nothing for hours."""
    day = round(NOW // 86_400 * 86_400 - 2 * 86_400)
    bursts = [day, day + 0.001, day + 7 * 3600, day + 23 * 3600 + 3599.999, day + 86_400]
    times = [first + 1e-6 * (number // 3) for first in bursts for number in range(700)]
    made = [{"ts": ts, "plan": number} for number, ts in enumerate(times)]
    await fresh.http.post("/readings", json=made)
    lines = (await fresh.http.get("/readings")).text.splitlines()
    assert [json.loads(line)["plan"] for line in lines] == list(range(len(made)))


async def test_days_of_a_range_that_is_cut_at_both_ends(fresh: Running) -> None:
    made = [{"ts": f"2026-0{month}-{day:02}T12:00:00Z", "plan": day} for month in (1, 3) for day in range(1, 29)]
    await fresh.http.post("/readings", json=made)
    asked = {"from": "2026-01-27T12:00:00Z", "until": "2026-03-02T12:00:00.5Z"}
    lines = (await fresh.http.get("/readings", params=asked)).text.splitlines()
    assert [json.loads(line)["ts"][5:10] for line in lines] == ["01-27", "01-28", "03-01", "03-02"]


async def test_nothing_in_a_range(shared: Running) -> None:
    params = {"from": "1971-01-01", "until": "1971-01-02"}
    assert (await shared.http.get("/readings", params=params)).content == b""
    answer = await shared.http.get("/readings", params={**params, "format": "csv"})
    assert answer.text == "ts,series,plan,fact,attributes\r\n"
    assert 'filename="readings.csv"' in answer.headers["content-disposition"]


@pytest.mark.parametrize(
    ("accepted", "packed"),
    [
        ("gzip", True),
        ("br, gzip;q=0.5", True),
        ("identity", False),
        ("gzip;q=0", False),
        ("*, gzip;q=0", False),
        ("*;q=0, gzip", True),
        ("", False),
        ("*", True),
    ],
)
async def test_compressed_where_asked_for(shared: Running, name: str, accepted: str, packed: bool) -> None:
    await shared.http.post("/readings", json=[{"series": name, "plan": number} for number in range(50)])
    async with shared.http.stream(
        "GET", "/readings", params={"series": name}, headers={"Accept-Encoding": accepted}
    ) as answer:
        raw = b"".join([part async for part in answer.aiter_raw()])
    assert (answer.headers.get("content-encoding") == "gzip") == packed
    assert len((gzip.decompress(raw) if packed else raw).splitlines()) == 50


@pytest.mark.parametrize("query", ["form=csv", "format=json", "from=x", "tz=Mars", "from=2&until=1", "page=1"])
async def test_parameters_are_read_strictly(shared: Running, query: str) -> None:
    assert (await shared.http.get(f"/readings?{query}")).status_code == 400


async def test_the_form_is_chosen_by_format_or_accept(shared: Running) -> None:
    for accept, media_type in [("*/*", "application/x-ndjson"), ("text/csv", "text/csv")]:
        answer = await shared.http.get("/readings?from=1971-01-01&until=1971-01-02", headers={"Accept": accept})
        assert answer.headers["content-type"].startswith(media_type)


async def test_one_who_leaves_in_the_middle_leaves_nothing_behind(fresh: Running) -> None:
    """The stream ends when its reader disconnects, and its database connection is free for others."""
    for number in range(5):
        batch = [{"ts": NOW - 60 * number, "plan": 1, "text": "x" * 1000} for _ in range(5000)]
        await fresh.http.post("/readings", json=batch)
    for _ in range(12):
        async with httpx.AsyncClient(base_url=fresh.url) as http, http.stream("GET", "/readings") as answer:
            await anext(answer.aiter_raw())
    assert (await asyncio.wait_for(fresh.http.get("/display"), 5)).json()["total"] == 25_000


def rows_of(table: Any) -> list[tuple[Any, ...]]:
    """Rows as they are in NDJSON, of the columns of a file."""
    return [
        (one["ts"], one["series"], one["plan"], one["fact"], one["attributes"] and json.loads(one["attributes"]))
        for one in table.to_pylist()
    ]


def rows_of_lines(text: str) -> list[tuple[Any, ...]]:
    rows = []
    for line in text.splitlines():
        one = json.loads(line)
        own = [one.pop(name, None) for name in ("ts", "series", "plan", "fact")]
        rows.append((datetime.fromisoformat(own[0]), *own[1:], one or None))
    return rows


READERS: dict[str, Callable[[bytes], Any]] = {
    "arrow": lambda body: pyarrow.ipc.open_stream(body).read_all(),
    "parquet": lambda body: parquet.read_table(pyarrow.BufferReader(body)),
}


@pytest.mark.parametrize("form", READERS)
async def test_a_file_of_columns_has_the_same_readings(fresh: Running, form: str) -> None:
    for seed in (1, 2, 3):
        await fresh.http.post("/readings", json=readings(4000, seed))
    plain = [{"ts": NOW - 1e-6 * number, "series": f"new {number % 50}", "plan": -0.0} for number in range(9000)]
    await fresh.http.post("/readings", json=plain)
    for chosen in ({}, {"series": ["a", "ё"]}, {"from": "-1d", "series": "new 7"}, {"until": "-2d"}):
        lines = rows_of_lines((await fresh.http.get("/readings", params=chosen)).text)
        answer = await fresh.http.get("/readings", params={**chosen, "format": form})
        assert answer.headers["content-type"] == FORMATS[form]
        assert "content-encoding" not in answer.headers
        assert rows_of(READERS[form](answer.content)) == lines
    assert len(lines) > 1000


@pytest.mark.parametrize("form", READERS)
async def test_nothing_in_a_range_of_columns(shared: Running, form: str) -> None:
    """It is a whole file, with the columns that every other has."""
    params = {"from": "1971-01-01", "until": "1971-01-02"}
    answer = await shared.http.get("/readings", params=params, headers={"Accept": FORMATS[form]})
    table = READERS[form](answer.content)
    assert table.num_rows == 0
    kinds = {"ts": "timestamp[us, tz=UTC]", "series": "string", "plan": "double", "fact": "double"}
    assert {field.name: str(field.type) for field in table.schema} == {**kinds, "attributes": "string"}


@pytest.mark.parametrize("form", READERS)
async def test_columns_without_the_extra(shared: Running, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.delitem(sys.modules, "service.routes.arrow_formats", raising=False)
    answer = await shared.http.get("/readings", params={"format": form})
    assert (answer.status_code, answer.headers["content-type"]) == (501, "application/problem+json")
    assert "taktline[arrow]" in answer.json()["detail"]


async def test_a_row_group_is_written_when_it_is_large(shared: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrow_formats, "GROUP_ROWS", 150)
    made = [{"ts": f"2001-02-03T04:05:{number % 60:02}Z", "plan": number} for number in range(500)]
    await shared.http.post("/readings", json=made)
    asked = {"from": "2001-02-03", "until": "2001-02-04", "format": "parquet"}
    body = (await shared.http.get("/readings", params=asked)).content
    file = parquet.ParquetFile(pyarrow.BufferReader(body))
    assert [file.metadata.row_group(number).num_rows for number in range(file.metadata.num_row_groups)] == [500]


async def test_numbers_as_they_were(shared: Running, name: str) -> None:
    """Those that JSON and Python write in different ways as well."""
    times = ["2026-01-02T03:04:05Z", "2026-01-02T03:04:05.000001Z"]
    numbers = [1e16, 0.00001, 1e-7, -0.0, 5e-324, 123456789012345678.0, 0.00012, 2.5e22]
    made = [{"ts": ts, "series": name, "plan": number, "fact": -number} for ts in times for number in numbers]
    assert (await shared.http.post("/readings", json=made)).json() == {"written": 16, "duplicate": False}
    lines = (await shared.http.get("/readings", params={"series": name})).text.splitlines()
    assert [json.loads(line) for line in lines] == made
    answer = await shared.http.get("/readings", params={"series": name, "format": "csv"})
    cells = [(ts, name, number, -number) for ts in times for number in numbers]
    rows = [",".join(str(cell).removesuffix(".0") for cell in row) for row in cells]
    assert answer.text.splitlines()[1:] == [f"{row}," for row in rows]


async def test_two_series_with_one_number(fresh: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then others are made, until each series has its own."""
    made = [{"ts": NOW + number, "series": f"s{number}", "plan": 1} for number in range(4)]
    await fresh.http.post("/readings", json=made)
    real, asked = Pool.read, []

    async def read(pool: Pool, name: str, *args: Any, **more: Any) -> Any:
        rows = await real(pool, name, *args, **more)
        if name == "series_of_numbers":
            asked.append(args[-1])
            if len(asked) == 1:
                return [{"number": rows[0]["number"], "series": row["series"]} for row in rows]
        return rows

    monkeypatch.setattr(Pool, "read", read)
    lines = (await fresh.http.get("/readings")).text.splitlines()
    assert [json.loads(line)["series"] for line in lines] == ["s0", "s1", "s2", "s3"]
    assert len(set(asked)) == 2


async def test_memory_stays_small_however_long_the_range(fresh: Running) -> None:
    """Of 40,000 readings of a kilobyte each, only a few parts are in memory at the same time."""
    text = "x" * 1000
    for number in range(8):
        batch = [{"ts": NOW - 60 * number - 0.001 * each, "plan": 1, "text": text} for each in range(5000)]
        await fresh.http.post("/readings", json=batch)
    tracemalloc.start()
    try:
        size = 0
        async for part in fresh.parts.store.long_ranges.read(Selection()):
            size += len(part.ts)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert size == 40_000
    assert peak < 12 * 2**20
