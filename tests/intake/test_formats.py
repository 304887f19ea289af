"""The formats of `POST /readings`: NDJSON, CSV, gzip, and batches that are written in part."""

import gzip
import json
import re
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
import pytest

from service.errors import BadReading, BadRequest, TooLarge
from service.intake.batch import Packed
from service.intake.formats.csv_table import add_table
from service.intake.formats.envelopes import RefusedEnvelope
from service.intake.formats.frames import read_json, read_msgpack
from service.intake.formats.line_protocol import BadLine, LineReader
from service.intake.formats.ndjson import add_lines
from service.intake.packer import Packer
from service.intake.reading import MAX_KEYS, Rules, now_microseconds
from service.intake.turns import at_once
from tests.batches import FEW, RULES, rows_of
from tests.harness import Running, stored

NOW = now_microseconds()
READINGS: list[dict[str, Any]] = [
    {"ts": "2026-01-31T14:05:00Z", "series": "Werk Köln", "plan": 40.0, "fact": 38.5},
    {"ts": "2026-01-31T14:05:10.25+01:00", "series": "b", "plan": 40.0},
    {"ts": 1769868300, "series": "c,d", "fact": -1e-9},
    {"series": 'q"uote', "plan": 1.0, "fact": 2.0, "note": "multi\nline", "n": 7},
    {"ts": "2026-01-31 14:05:00.5+00", "series": "default"},
]
NDJSON = "\n".join(json.dumps(one) for one in READINGS).encode()
CSV = (
    "ts,series,plan,fact,attributes\r\n"
    "2026-01-31T14:05:00Z,Werk Köln,40,38.5,\r\n"
    "2026-01-31T14:05:10.25+01:00,b,40,,\r\n"
    '1769868300,"c,d",,-1e-9,\r\n'
    ',"q""uote",1,2,"{""note"": ""multi\\nline"", ""n"": 7}"\r\n'
    ",,,,\r\n"
    "2026-01-31 14:05:00.5+00,,,,\r\n"
    " , ,,\t,\r\n"
).encode()


def expected(batch_id: str | None = None) -> Packed:
    return at_once(read_json(json.dumps(READINGS), RULES, NOW, batch_id))


def of_lines(*blocks: bytes, batch_id: str | None = None) -> Packed:
    packer = Packer(RULES, NOW, batch_id)
    for block in blocks:
        at_once(add_lines(block, packer))
    return packer.finish()


def of_table(text: bytes, batch_id: str | None = None) -> Packed:
    packer = Packer(RULES, NOW, batch_id)
    at_once(add_table(text, packer))
    return packer.finish()


@pytest.mark.parametrize("make", [lambda key: of_lines(NDJSON, batch_id=key), lambda key: of_table(CSV, key)])
def test_every_format_makes_the_same_batch(make: Any) -> None:
    assert rows_of(make(None)) == rows_of(expected())
    assert make("x").digest == expected("x").digest
    assert make("x").minutes == expected().minutes


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"),
        ("2016-12-31t23:59:60.25z", "2017-01-01T00:00:00.25Z"),
        ("2017-01-01T05:29:60+05:30", "2017-01-01T00:00:00Z"),
        ("2016-12-31 18:59:60-05", "2017-01-01T00:00:00Z"),
    ],
)
def test_a_leap_second_is_the_next_second_in_every_format(written: str, meant: str) -> None:
    reading = {"ts": written, "plan": 1}
    wanted = rows_of(at_once(read_json(json.dumps({"ts": meant, "plan": 1}), RULES, NOW, None)))
    assert rows_of(at_once(read_json(json.dumps(reading), RULES, NOW, None))) == wanted
    assert rows_of(at_once(read_json(json.dumps([reading]), RULES, NOW, None))) == wanted
    assert rows_of(at_once(read_msgpack(msgspec.msgpack.encode(reading), RULES, NOW))) == wanted
    assert rows_of(of_lines(json.dumps(reading).encode())) == wanted
    assert rows_of(of_table(f"ts,plan\n{written},1\n".encode())) == wanted


def test_lines_may_come_in_any_blocks() -> None:
    lines = NDJSON.splitlines(keepends=True)
    assert rows_of(of_lines(*lines)) == rows_of(of_lines(NDJSON + b"\n\n  \r\n"))
    assert of_lines(*lines, batch_id="x").digest == of_lines(NDJSON, batch_id="x").digest


def test_a_bad_line_is_named_by_its_place() -> None:
    with pytest.raises(BadReading) as caught:
        of_lines(b'{"plan": 1}\n{"plan": "x"}\nno json\n', b'[1]\n{"plan": 1}\n{"fact": true}\n')
    assert [(fault.index, fault.field) for fault in caught.value.faults] == [(1, "plan"), (2, ""), (3, ""), (5, "fact")]


@pytest.mark.parametrize(
    ("text", "index", "field"),
    [
        ("plan,fact\n1,2\n1,x\n", 1, "fact"),
        ("plan,fact\n1\n", 0, ""),
        ("plan,ts\n1,2026-01-31T14:05:00\n", 0, "ts"),
        ("plan\nnan\n", 0, "plan"),
        ("plan,attributes\n1,[]\n", 0, "attributes"),
        ("plan,note\n1,a\0b\n", 0, "note"),
        ('plan,attributes\n,"{""plan"": 99}"\n', 0, "attributes"),
        ('plan,attributes\n1,"{""ts"": 5, ""a"": 1}"\n', 0, "attributes"),
    ],
)
def test_a_bad_cell_is_named(text: str, index: int, field: str) -> None:
    with pytest.raises(BadReading) as caught:
        of_table(text.encode())
    assert (caught.value.faults[0].index, caught.value.faults[0].field) == (index, field)


@pytest.mark.parametrize("text", [b"\xff\xfe", b'plan\n"1\n', b'plan\n"1"x\n'])
def test_what_is_no_table_is_malformed(text: bytes) -> None:
    with pytest.raises(BadRequest, match="This isn't CSV in UTF-8") as caught:
        of_table(text)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("header", "what"),
    [
        (",plan", "gives column 1 no name (', plan')"),
        ("plan,fact, ,", "gives column 3 no name ('plan, fact, , ')"),
        ("plan,plan", "names 'plan' more than once ('plan, plan')"),
        ("ts,series", "names none of plan, fact ('ts, series')"),
        ("\nplan,plan", "names 'plan' more than once ('plan, plan')"),
        (",,\n\nplan,plan", "names 'plan' more than once ('plan, plan')"),
        ("sep=;\n\nplan;plan", "names 'plan' more than once ('plan, plan')"),
        ("series;plan;fact", "names none of ts, series, plan, fact, for, attributes ('series;plan;fact')"),
        ("series\tplan\tfact", "names none of"),
        ("a,b", "names none of"),
        ('"plan;"', "names none of"),
        ("Series,Plan,Fact", "names 'Series' (did you mean series?) ('Series, Plan, Fact')"),
        ("PLAN", "names 'PLAN' (did you mean plan?)"),
        ("plan,FACT", "names 'FACT' (did you mean fact?)"),
        ("plan,Attributes", "names 'Attributes' (did you mean attributes?)"),
    ],
)
def test_a_header_of_no_use_is_refused_with_a_hint(header: str, what: str) -> None:
    """The message has the same form, whatever is wrong with the header."""
    with pytest.raises(BadRequest, match="in lower case, separated by commas") as caught:
        of_table(f"{header}\n1,2,3\n".encode())
    assert caught.value.status == 400
    row = header.count("\n") + 1
    assert caught.value.detail.startswith(f"Row {row} of the CSV, its header, {what}")


@pytest.mark.parametrize(
    ("text", "line"), [("sep=#\nplan#fact", "sep=#"), ("sep=;;\nplan;fact", "sep=;;"), ("sep=", "sep=")]
)
def test_a_delimiter_of_no_use_is_refused(text: str, line: str) -> None:
    with pytest.raises(BadRequest) as caught:
        of_table(text.encode())
    assert (
        caught.value.detail == f"The first line of the CSV, '{line}', must name one delimiter: a comma, ; | or a tab."
    )


@pytest.mark.parametrize("text", [b"", b"\r\n ,,\r\n"])
def test_a_header_that_is_missing(text: bytes) -> None:
    with pytest.raises(BadRequest, match=r"^The CSV has no header\. A header names each column once, "):
        of_table(text)


@pytest.mark.parametrize(
    ("line", "mark"), [("sep=;", ";"), ('"sep=;"', ";"), ("SEP=\t", "\t"), ("sep=|", "|"), ("sep=,", ",")]
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_delimiter_that_is_named_as_excel_does(line: str, mark: str, end: str) -> None:
    rows = [line, mark.join(("series", "plan")), mark.join(("a", "1.5")), mark]
    [row] = rows_of(of_table(end.join(rows).encode()))
    assert (row.series, row.plan) == ("a", 1.5)


def test_blanks_around_a_cell_do_not_count_unless_in_quotes() -> None:
    text = 'series , plan,"note" ,n\n'.replace('"note" ', '"note"') + (
        ' line 1 ,\t40 , "a, ""b""" ,1 \n" line 2 ",4," x",""\n"line 3",5,"say "" a""", a \n'
    ).replace('""" ,', '""",')
    rows = rows_of(of_table(text.encode()))
    assert [row.series for row in rows] == ["line 1", " line 2 ", "line 3"]
    assert [json.loads(row.attributes or b"") for row in rows] == [
        {"note": 'a, "b"', "n": "1"},
        {"note": " x"},
        {"note": 'say " a"', "n": "a"},
    ]


def test_a_huge_row_is_looked_at_once() -> None:
    count = MAX_KEYS - 1
    names = ",".join(f"c{number}" for number in range(count))
    for cell in ("a\t", '"a "', '"a\n"', '""""'):
        row = ",".join(["1", *[cell] * count])
        started = time.process_time()
        with pytest.raises(BadReading):  # too many attributes
            of_table("\n".join([f"plan,{names}", *[row] * 25]).encode())
        assert time.process_time() - started < 5


def test_a_row_of_delimiters_alone_is_no_reading() -> None:
    text = b"series,plan,fact\r\n,,\r\n\r\na,1,2\r\n , ,\r\n,,,,,,\r\n\t\r\nb,3,\r\n,x,\r\n"
    with pytest.raises(BadReading) as caught:
        of_table(text)
    assert [(fault.index, fault.field) for fault in caught.value.faults] == [(2, "plan")]
    assert [row.series for row in rows_of(of_table(text.replace(b"x", b"4")))] == ["a", "b", "default"]


@pytest.mark.parametrize(
    ("media_type", "text", "field"),
    [
        ("json", b'[{"series": "a", "%s": 1}]', "{}"),
        ("msgpack", b"", "{}"),
        ("ndjson", b'{"series": "a", "fact": 1}\n{"%s": 1}', "{}"),
        ("csv", b'fact,attributes\n1,"{""%s"": 5}"', "{}"),
        ("influx", b"a fact=1,%s=2", "{}"),
        ("influx", b"a,%s=b fact=1", "{}"),
        ("influx", b"a,%s=b plan=1,fact=1 1700000000000000000", "{}"),
    ],
)
@pytest.mark.parametrize("key", ["Plan", "FACT", "Ts", "SERIES", "For"])
def test_a_key_that_is_ours_but_for_its_case_is_refused(media_type: str, text: bytes, field: str, key: str) -> None:
    body = msgspec.msgpack.encode({key: 1}) if media_type == "msgpack" else text.replace(b"%s", key.encode())
    with pytest.raises(BadRequest, match=f'{key}: field names are lower case: write "{key.lower()}"') as caught:
        read_anyhow(media_type, body, RULES)
    assert caught.value.status == (400 if media_type == "influx" else 422)


@pytest.mark.parametrize(
    ("media_type", "body"),
    [
        ("json", b'{"fact": 1, "time": "2026-01-31T14:05:00Z"}'),
        ("msgpack", msgspec.msgpack.encode({"fact": 1, "timestamp": datetime(2026, 1, 31, tzinfo=UTC)})),
        ("ndjson", b'{"fact": 1, "time": 1769868300}'),
        ("csv", b"timestamp,plan\n2026-01-31 14:05:00,1"),
        ("csv", b"Time,plan\n1769868300,1"),
        ("influx", b'a fact=1,time="2026-01-31"'),
        ("influx", b"a,time=2026-01-31 plan=1,fact=1"),
    ],
)
def test_a_time_in_the_wrong_place_is_no_attribute(media_type: str, body: bytes) -> None:
    """Otherwise all readings would get the present time."""
    with pytest.raises(BadRequest, match=r"did you mean ts\?"):
        read_anyhow(media_type, body, RULES)


@pytest.mark.parametrize(
    ("media_type", "body"),
    [
        ("json", b'{"plan": 1, "fact": 2, "ts": 46346.5}'),
        ("json", b'{"ts": 46346}'),
        ("msgpack", msgspec.msgpack.encode({"plan": 1, "fact": 2, "ts": 46346.5})),
        ("ndjson", b'{"plan": 1, "fact": 2, "ts": 46346.5}'),
        ("csv", b"ts,plan\n46346.5,1"),
        ("influx", b"a plan=1,fact=2 1700000000"),
        ("influx", b"a plan=1,x=2 1700000000"),
        ("influx", b"a plan=1,fact=2 -1"),
    ],
)
def test_a_number_that_would_be_a_time_in_1970_is_refused(media_type: str, body: bytes) -> None:
    """Even if MIN_TS is earlier."""
    for rules in (RULES, Rules(datetime(1900, 1, 1, tzinfo=UTC), timedelta(days=1))):
        with pytest.raises(BadRequest, match=r"ts: .*before 3 March 1973"):
            read_anyhow(media_type, body, rules)


@pytest.mark.parametrize(
    ("media_type", "text", "said"),
    [
        ("json", b"", "This isn't JSON: it is empty."),
        ("json", b'{"series": "Stra\xdfe"}', "This isn't JSON: 0xdf isn't UTF-8 (byte 16)."),
        ("json", b'{"note": "%s\xdf"}' % (b"x" * 3000), "This isn't JSON: 0xdf isn't UTF-8 (byte 3010)."),
        ("json", b'{"series": "a", "readings": [{"plan": 1}]}', "without one, send the array by itself."),
        ("ndjson", b'{"plan": 1}\n{"series": "\xdf"}\n', "This isn't JSON: 0xdf isn't UTF-8 (byte 12)."),
        ("ndjson", b'{"plan": 1}{"plan": 2}', "an object is a line, which curl keeps with --data-binary."),
        ("csv", b"plan,series\n1,Stra\xdfe\n", "This isn't CSV in UTF-8: 0xdf isn't UTF-8 (byte 18)."),
        ("csv", b"sep=;\nplan;fact\n1,5;2\n", "plan: must be a number with a decimal point, not '1,5'."),
        ("csv", b"plan,fact\n1,5,2\n", "has 3 cells, the header has 2; decimals have a point, and a cell with a comma"),
    ],
)
def test_slips_of_beginners_are_told_what_to_do(media_type: str, text: bytes, said: str) -> None:
    with pytest.raises(BadRequest) as caught:
        read_anyhow(media_type, text, RULES)
    assert said in caught.value.detail


@pytest.mark.parametrize(
    ("media_type", "text"),
    [
        ("json", b'[{"plan": 1}, {"n": [}]'),
        ("ndjson", b'{"plan": 1}\n{"n":\n'),
        ("csv", b'plan,attributes\n1,"{"\n'),
        ("csv", b"plan,fact\n1\n"),
        ("msgpack", b"\xc1"),
    ],
)
def test_a_message_ends_once(media_type: str, text: bytes) -> None:
    with pytest.raises(BadRequest) as caught:
        read_anyhow(media_type, text, RULES)
    for said in (caught.value.detail, *(fault.detail + "." for fault in caught.value.faults)):
        assert said.endswith(".")
        assert ".." not in said
        assert " 1 cells" not in said


MARKED = {
    "application/json": '[{{"plan": 1, "series": "{name}"}}]',
    "application/x-ndjson": '{{"plan": 1, "series": "{name}"}}\n',
    "text/csv": "plan,series\n1,{name}\n",
    "line protocol": "{name} plan=1\n",
}


@pytest.mark.anyio
@pytest.mark.parametrize("media_type", MARKED)
@pytest.mark.parametrize("pieces", [1, 2, 100])
async def test_a_byte_order_mark(shared: Running, name: str, media_type: str, pieces: int) -> None:
    """In UTF-8 it is skipped, wherever the body is cut; in UTF-16 it is refused with a message."""
    path = "/write" if media_type == "line protocol" else "/readings"
    text = MARKED[media_type].format(name=name)

    async def send(body: bytes) -> httpx.Response:
        async def cut() -> AsyncIterator[bytes]:
            for at in range(0, len(body), pieces):
                yield body[at : at + pieces]

        return await shared.http.post(path, content=cut(), headers={"Content-Type": media_type})

    assert (await send(text.encode("utf-8-sig"))).status_code in (200, 204)
    [item] = await stored(shared, name, 1)
    assert (item["plan"], item["attributes"]) == (1, None)
    for encoding in ("utf-16-le", "utf-16-be"):
        answer = await send(f"\ufeff{text}".encode(encoding))
        assert (answer.status_code, "This is UTF-16; send UTF-8." in answer.text) == (400, True)
    if "json" in media_type:
        for body in (b"\xef\xbb\xbf" + text.encode("utf-8-sig"), text.encode("utf-16-le"), text.encode("utf-32-be")):
            assert (await send(body)).status_code in (400, 422)


@pytest.mark.parametrize("text", ["1_000", "１２", "٣", "nan", "inf", "1e", "0x10", ".", "1,5", "1\u00a0"])
@pytest.mark.parametrize("name", ["plan", "ts"])
def test_numbers_are_of_ascii_digits(name: str, text: str) -> None:
    with pytest.raises(BadReading) as caught:
        of_table(f'{name},series\n"{text}",a\n'.encode() if name == "plan" else f'plan,ts\n1,"{text}"\n'.encode())
    assert caught.value.faults[0].field == name


@pytest.mark.parametrize("text", ["12", "+12", "12.", "1.2e1", "1.2E+1", " 12 ", '" 12 "', "0012", "120e-1"])
def test_numbers_may_be_written_in_many_ways(text: str) -> None:
    time = text.replace("12", "1200000000").replace("1.2e1", "1.2e9").replace("1.2E+1", "1.2E+9")
    [row] = rows_of(of_table(f"plan,ts\n{text},{time}\n".encode()))
    assert (row.plan, row.ts) == (12, 1_200_000_000_000_000)


def test_other_columns_are_attributes_as_text() -> None:
    [row] = rows_of(of_table(b"plan,x\n1,007\n"))
    assert json.loads(row.attributes or b"") == {"x": "007"}


def read_anyhow(media_type: str, text: bytes, rules: Rules, *, partial: bool = False) -> Packed:
    packer = Packer(rules, NOW, partial=partial)
    match media_type:
        case "json":
            return at_once(read_json(text, rules, NOW, partial=partial))
        case "msgpack":
            return at_once(read_msgpack(text, rules, NOW))
        case "ndjson":
            at_once(add_lines(text, packer))
        case "csv":
            at_once(add_table(text, packer))
        case _:
            reader = LineReader(packer, 1)
            at_once(reader.feed(text))
            return at_once(reader.finish())[0]
    return packer.finish()


@pytest.mark.parametrize("partial", [False, True])
@pytest.mark.parametrize(
    ("media_type", "head", "one", "between", "end"),
    [
        ("json", b"[", b"{}", b",", b"]"),
        ("json", b"[", b'{"plan":"x"}', b",", b"]"),
        ("json", b"[", b'{"a":1}', b",", b"]"),
        ("json", b'{"id":"x","readings":[', b"{}", b",", b"]}"),
        ("json", b'{"id":"x","readings":[', b'{"a":1}', b",", b"]}"),
        ("msgpack", b"", b"\x80", b"", b""),
        ("ndjson", b"", b"{}", b"\n", b""),
        ("ndjson", b"", b"x", b"\n", b""),
        ("csv", b"plan\n", b"1", b"\n", b""),
        ("csv", b"plan,fact\n", b"1", b"\n", b""),
        ("influx", b"", b"a plan=1,fact=2", b"\n", b""),
        ("influx", b"", b"a plan=1,b=2", b"\n", b""),
    ],
)
def test_a_batch_has_a_limit_in_readings(
    media_type: str, head: bytes, one: bytes, between: bytes, end: bytes, partial: bool
) -> None:
    """The limit includes bad readings."""

    def text(count: int) -> bytes:
        return (bytes((0x90 + count,)) if media_type == "msgpack" else head) + between.join([one] * count) + end

    with suppress(BadReading, BadLine):
        assert read_anyhow(media_type, text(3), FEW, partial=partial).count == 3
    with pytest.raises((TooLarge, RefusedEnvelope), match="at most 3 readings; send them in several") as caught:
        read_anyhow(media_type, text(4), FEW, partial=partial)
    assert (caught.value.status, caught.value.reason) == (413, "too_large")


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("path", "media_type", "body"),
    [
        ("/readings", "application/json", b"[" + b"{}," * 5_000_000 + b"{}]"),
        ("/readings?partial=true", "application/json", b"[" + b"5," * 5_000_000 + b"5]"),
        ("/readings", "application/x-ndjson", b"{}\n" * 5_000_000),
        ("/readings?partial=true", "text/csv", b"plan\n" + b"1\n" * 5_000_000),
        ("/write", "text/plain", b"a b=1\n" * 2_000_000),
        ("/api/v2/write?partial=true", "text/plain", b"x\n" * 5_000_000),
    ],
)
async def test_a_few_bytes_are_no_millions_of_readings(
    shared: Running, path: str, media_type: str, body: bytes
) -> None:
    headers = {"Content-Type": media_type, "Content-Encoding": "gzip"}
    # a minute and more where coverage is measured
    answer = await shared.http.post(path, content=gzip.compress(body), headers=headers, timeout=100)
    assert answer.status_code == 413
    assert re.search("at most [12]00,000 readings", answer.text)  # fewer on the embedded engine


@pytest.mark.anyio
@pytest.mark.parametrize(("media_type", "end"), [("application/x-ndjson", "\n"), ("text/csv", "\r\n")])
@pytest.mark.parametrize("encoding", ["identity", "gzip"])
async def test_bodies(shared: Running, name: str, media_type: str, end: str, encoding: str) -> None:
    rows = [f'{{"plan": {number}, "series": "{name}"}}' for number in range(500)]
    if media_type == "text/csv":
        rows = ["plan,series", *(f"{number},{name}" for number in range(500))]
    body = (end.join(rows) + end).encode()
    answer = await shared.http.post(
        "/readings",
        content=gzip.compress(body) if encoding == "gzip" else body,
        headers={"Content-Type": f"{media_type}; charset=utf-8", "Content-Encoding": encoding},
    )
    assert (answer.status_code, answer.json()) == (200, {"written": 500, "duplicate": False})
    assert {item["plan"] for item in await stored(shared, name, 500)} == set(range(500))


@pytest.mark.anyio
async def test_a_body_that_comes_in_small_pieces(shared: Running, name: str) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        body = "".join(f'{{"plan": {number}, "series": "{name}"}}\n' for number in range(50)).encode()
        for at in range(0, len(body), 7):
            yield body[at : at + 7]

    headers = {"Content-Type": "application/x-ndjson"}
    answer = await shared.http.post("/readings", content=pieces(), headers=headers)
    assert answer.json() == {"written": 50, "duplicate": False}


@pytest.mark.anyio
async def test_the_same_key_and_content_in_another_format_is_a_duplicate(shared: Running, name: str) -> None:
    headers = {"Idempotency-Key": name}
    first = await shared.http.post("/readings", json=[{"plan": 1, "series": name}], headers=headers)
    assert first.json() == {"written": 1, "duplicate": False}
    table = {**headers, "Content-Type": "text/csv"}
    again = await shared.http.post("/readings", content=f"series,plan\n{name},1.0\n", headers=table)
    assert again.json() == {"written": 0, "duplicate": True}
    other = await shared.http.post("/readings", content=f"series,plan\n{name},1.5\n", headers=table)
    assert other.status_code == 422


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("body", "encoding", "status"),
    [
        (b"no gzip", "gzip", 400),
        (gzip.compress(b'{"plan": 1}')[:-6], "gzip", 400),
        (gzip.compress(b" " * 100 * 2**20), "gzip", 413),
        (b"{}", "br", 415),
    ],
)
async def test_broken_and_oversized_gzip(shared: Running, body: bytes, encoding: str, status: int) -> None:
    headers = {"Content-Type": "application/x-ndjson", "Content-Encoding": encoding}
    answer = await shared.http.post("/readings", content=body, headers=headers)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.anyio
async def test_gzip_files_one_after_another(shared: Running, name: str) -> None:
    body = b"".join(gzip.compress(f'{{"plan": {number}, "series": "{name}"}}\n'.encode()) for number in range(3))
    headers = {"Content-Type": "application/x-ndjson", "Content-Encoding": "gzip"}
    assert (await shared.http.post("/readings", content=body, headers=headers)).json()["written"] == 3


@pytest.mark.anyio
async def test_partial_writes_the_good_and_reports_the_rest(shared: Running, name: str) -> None:
    labels = {"where": "/readings", "reason": "invalid"}
    before = shared.parts.metrics.registry.get_sample_value("taktline_refused_total", labels) or 0
    body = [{"plan": 1, "series": name}, {"plan": "x"}, {"plan": 3, "series": name}, 5]
    answer = await shared.http.post("/readings?partial=true", json=body)
    assert answer.status_code == 200
    assert {key: answer.json()[key] for key in ("written", "refused")} == {"written": 2, "refused": 2}
    assert [error["index"] for error in answer.json()["errors"]] == [1, 3]
    assert [item["plan"] for item in await stored(shared, name, 2)] == [3, 1]
    assert shared.parts.metrics.registry.get_sample_value("taktline_refused_total", labels) == before + 2
    nothing = await shared.http.post("/readings?partial=true", json=[5])
    assert nothing.status_code == 422
    assert (await shared.http.post("/readings?partial=maybe", json=[])).status_code == 400
