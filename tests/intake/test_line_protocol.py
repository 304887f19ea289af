"""InfluxDB line protocol: the examples of its documentation, and the fast parser compared with the exact one."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from service.errors import Refusal
from service.intake.batch import Packed
from service.intake.formats.frames import read_json
from service.intake.formats.line_protocol import NANOSECONDS, BadLine, LineReader
from service.intake.formats.line_protocol_exact import read_line, skip_blank
from service.intake.formats.line_protocol_fast import decode_plain
from service.intake.packer import Packer
from service.intake.reading import Rules
from service.intake.turns import at_once

NOW = 1_800_000_000_000_000


RULES = Rules(datetime(1970, 1, 1, tzinfo=UTC), timedelta(days=1))
SECOND = 1_700_000_000


def parse(text: str | bytes) -> list[dict[str, object]]:
    """The lines as readings that aren't checked yet; `ts` is as it was written."""
    raw = text if isinstance(text, bytes) else text.encode()
    found, at = [], 0
    while at < len(raw):
        if end := skip_blank(raw, at):
            at = end
            continue
        line = read_line(raw, at, {})
        found.append(line.reading | ({} if line.stamp is None else {"ts": line.stamp}))
        at = line.end
    return found


def pack(
    text: bytes,
    *,
    size: int = 10**6,
    unit: int = 1,
    batch_id: str | None = "x",
    partial: bool = False,
    **options: Any,
) -> Packed:
    reader = LineReader(Packer(RULES, NOW, batch_id, partial=partial), unit, **options)
    for at in range(0, len(text), size):
        at_once(reader.feed(text[at : at + size]))
    return at_once(reader.finish())[0]


@pytest.mark.parametrize(
    ("line", "reading"),
    [
        ("a plan=40,fact=38", {"series": "a", "plan": 40.0, "fact": 38.0}),
        ("reading,series=a plan=40,fact=38 5", {"series": "a", "plan": 40.0, "fact": 38.0, "ts": 5}),
        ("shop,series=a plan=1i", {"series": "a", "measurement": "shop", "plan": 1}),
        ("shop,series=a,measurement=b plan=1u", {"series": "a", "measurement": "b", "plan": 1}),
        ('a,b=c plan=1,ok=T,who="me",n=7i', {"series": "a", "b": "c", "plan": 1.0, "ok": True, "who": "me", "n": 7}),
        ('a,host=tag host="field"', {"series": "a", "host": "field"}),
        ("a plan=1,plan=2", {"series": "a", "plan": 2.0}),
        # https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/
        (
            'myMeasurement,tag1=a,tag2=b fieldKey="value" 1556813561098000000',
            {"series": "myMeasurement", "tag1": "a", "tag2": "b", "fieldKey": "value", "ts": 1556813561098000000},
        ),
        ("m fieldKey=-1.234456e+78", {"series": "m", "fieldKey": -1.234456e78}),
        ("m fieldKey=-9223372036854775808i", {"series": "m", "fieldKey": -(2**63)}),
        ("m fieldKey=18446744073709551615u", {"series": "m", "fieldKey": 2**64 - 1}),
        ("m a=t,b=True,c=TRUE,d=T,e=true", {"series": "m"} | dict.fromkeys("abcde", True)),
        ("m a=f,b=False,c=FALSE,d=F,e=false", {"series": "m"} | dict.fromkeys("abcde", False)),
        (r'my\ Measurement fieldKey="string value"', {"series": "my Measurement", "fieldKey": "string value"}),
        (r'm fieldKey="\"string\" within a string"', {"series": "m", "fieldKey": '"string" within a string'}),
        (
            r"m,tag\ Key1=tag\ Value1,tag\ Key2=tag\ Value2 fieldKey=100",
            {"series": "m", "tag Key1": "tag Value1", "tag Key2": "tag Value2", "fieldKey": 100.0},
        ),
        (
            'm,tagKey=🍭 fieldKey="Launch 🚀" 1556813561098000000',
            {"series": "m", "tagKey": "🍭", "fieldKey": "Launch 🚀", "ts": 1556813561098000000},
        ),
        (r'm f="\\"', {"series": "m", "f": "\\"}),
        (r'm f="\\\ \\\\"', {"series": "m", "f": r"\\ \\"}),
        # what InfluxDB's decoder does where the documentation is vague
        (r"m\=n,a\,b=c\=d e\ f=1", {"series": r"m\=n", "a,b": "c=d", "e f": 1.0}),
        (r"m\n,a=b\c f=1", {"series": r"m\n", "a": r"b\c", "f": 1.0}),
        ('"m",a="b" "f"=1', {"series": '"m"', "a": '"b"', '"f"': 1.0}),
        ('m f="a\nb, c=d #"', {"series": "m", "f": "a\nb, c=d #"}),
        ("  m   f=1.   7  \r\n", {"series": "m", "f": 1.0, "ts": 7}),
        ("m f=.5,g=007,h=-0", {"series": "m", "f": 0.5, "g": 7.0, "h": 0.0}),
        ("m f=1 -5", {"series": "m", "f": 1.0, "ts": -5}),
    ],
)  # fmt: skip
def test_what_a_line_says(line: str, reading: dict[str, object]) -> None:
    [found] = parse(line)
    assert found == reading
    assert {name: type(value) for name, value in found.items()} == {
        name: type(value) for name, value in reading.items()
    }


def test_comments_blank_lines_and_both_ends_of_lines() -> None:
    text = "# a comment\n\na plan=1\r\n   \n\r\n  # another, with a=b c=1\r\nb plan=2 7\n#\nc plan=3"
    assert [one["series"] for one in parse(text)] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("line", "field", "detail"),
    [
        ("cpu", "", "missing fields"),
        ("cpu ", "", "expected a field"),
        (",a=b plan=1", "", "missing measurement"),
        ("cpu,host plan=1", "", "'host' is no tag"),
        ("cpu,host= plan=1", "", "'host=' is no tag"),
        ("cpu,a=b=c plan=1", "", "is no tag"),
        ("cpu, plan=1", "", "'' is no tag"),
        ("cpu,a=b,a=c plan=1", "a", "given twice"),
        ("cpu plan", "", "expected a field"),
        ("cpu plan=", "plan", "missing field value"),
        ("cpu plan=1,", "", "expected a field"),
        ("cpu plan=1 5 6", "", "unexpected text"),
        ("cpu plan=1 5x", "", "unexpected text"),
        ('cpu note="x"y', "", "unexpected text"),
        ('cpu note="x', "note", "closing quote is missing"),
        ("cpu plan=1x", "plan", "'1x' isn't a number"),
        ("cpu plan=1e", "plan", "'1e' isn't a number"),
        ("cpu plan=1.5e+", "plan", "isn't a number"),
        ("cpu plan=0x10", "plan", "isn't a number"),
        ("cpu plan=1_000", "plan", "isn't a number"),
        ("cpu plan=+1", "plan", "isn't a number"),
        ("cpu plan=nan", "plan", "isn't a number"),
        ("cpu plan=Inf", "plan", "isn't a number"),
        ("cpu plan=1.5i", "plan", "isn't a number"),
        ("cpu plan=-1u", "plan", "isn't a number"),
        ("cpu plan=9223372036854775808i", "plan", "out of range for an integer"),
        ("cpu plan=18446744073709551616u", "plan", "out of range for an integer"),
        ("cpu plan=1e999", "plan", "must be a finite number"),
        ("cpu,plan=1 fact=2", "plan", "must be a field, not a tag"),
        ('cpu series="a"', "series", "must be a tag, not a field"),
        ("cpu ts=5", "ts", "must be the timestamp at the end of the line, not a field"),
        (b"cpu,a=\xff plan=1", "", "isn't UTF-8"),
        (b'cpu note="\xff"', "", "isn't UTF-8"),
        (b"cpu,a=\x01 plan=1", "", "missing fields"),
    ],
)
def test_what_is_no_line(line: str | bytes, field: str, detail: str) -> None:
    with pytest.raises(Refusal) as caught:
        parse(line)
    assert caught.value.field == field
    assert detail in caught.value.detail


@pytest.mark.parametrize(
    ("line", "detail"),
    [
        ('a plan="x"', "plan: must be a number, not text"),
        ("a plan=true", "plan: must be a number, not a boolean"),
        ("a plan=1e300", "plan: must be at most 1e+290 in size, so that sums stay finite"),
        ("a plan=1 -1", "ts: -1 counted in ns is 1969-12-31T23:59:59Z, before 3 March 1973"),
        (
            "a plan=1,fact=2 1700000000",
            "ts: 1700000000 counted in ns is 1970-01-01T00:00:01Z, before 3 March 1973; is it",
        ),
        ("a plan=1 -1700000000000000000", "ts: is before 1970-01-01T00:00:00Z"),
        ("a Plan=1", 'Plan: field names are lower case: write "plan"'),
        ("a plan=1 9223372036854775807", "ts: is too far ahead"),
        (
            "a plan=1 9999999999999999999999999999999999999999",
            "9999999999999999999 counted in ns is out of range; is it",
        ),
        ("a plan=1,fact=2 9999999999999999999999999999999999999999", "counted in ns is out of range; is it"),
        ("a plan=1,fact=2 9223372036854775807", "ts: is too far ahead"),
        ('a note="\0"', "note: holds a NUL character"),
        (f"{'a' * 201} plan=1", "series: must have 1 to 200 characters"),
        (f'a note="{"x" * 8200}"', "attributes: 82"),
    ],
)
def test_the_first_bad_line_is_named(line: str, detail: str) -> None:
    text = f'# comment\n\ngood plan=1\nshop note="two\nlines"\n{line}\nworse plan=\n'.encode()
    with pytest.raises(BadLine) as caught:
        pack(text)
    assert caught.value.line == 6
    assert caught.value.detail.startswith(f"line 6: unable to parse '{line[:100]}")
    assert detail in caught.value.detail


def test_in_part_all_good_lines_are_kept() -> None:
    text = b'a plan=1\nbad\nb plan=2\nc plan=true,note="x\ny plan=3"\nd plan=4'
    reader = LineReader(Packer(RULES, NOW, partial=True), 1)
    at_once(reader.feed(text))
    packed, bad = at_once(reader.finish())
    assert packed.count == 3
    assert bad is not None
    assert bad.detail == "partial write: line 2: unable to parse 'bad': missing fields dropped=2"
    with pytest.raises(BadLine, match="dropped=1"):
        pack(b"bad", partial=True)


def test_a_digest_is_that_of_the_same_readings_as_json() -> None:
    lines = f"reading,series=a plan=40i,fact=38 {SECOND}000000000\nb plan=1\n".encode()
    json = b'[{"series":"a","plan":40,"fact":38,"ts":%d},{"series":"b","plan":1}]' % SECOND
    assert pack(lines) == at_once(read_json(json, RULES, NOW, "x"))


@pytest.mark.parametrize("precision", NANOSECONDS)
@pytest.mark.parametrize("plain", [True, False])
def test_precisions(precision: str, plain: bool) -> None:
    unit = NANOSECONDS[precision]
    moment = datetime(2026, 1, 31, 15, tzinfo=UTC)
    stamp = int(moment.timestamp()) * 10**9 // unit
    packed = pack(f"a plan=1,fact=2{'' if plain else ',x=1'} {stamp}".encode(), unit=unit)
    assert packed.minutes == {int(moment.timestamp()) // 60}


def test_nanoseconds_are_cut_to_microseconds() -> None:
    text = b"a plan=1,fact=2 1700000000123456789"
    assert pack(text) == pack(text.replace(b"789", b"000")) == pack(text + b"\n\n")


# Pieces that make lines which often differ only slightly from a plain one.
pieces = st.sampled_from(
    ["a", "m,series=b", "m,series=b,host=c", "plan=", "fact=", "series=", "1", "2.5", "-0", "-0.0", "1e3", "7i", "8i",
     "1.5i", "01", "+1", "1.", "true", "null", '"x"', '"', "\\", ",", ",", " ", " ", "\n", "\r\n", "\t", "#", "[", "]",
     "{", "ü", "\0", " plan=1,fact=2", " fact=3i,plan=4i", ",fact=", " plan=", "1700000000000000000",
     " 1700000000000000000\n", "99999999999999999999"]
)  # fmt: skip
plain = st.builds(
    "{} {}={}{},{}={}{} {}".format,
    st.sampled_from(["a", "m,series=b", "reading,series=c", "m,host=x", "mi,a=hi",
                     "m,Plan=1", "m,time=2026-01-31", "m,Time=x",
                     r"m,series=l\ 1", r"m\,x,a\=b=c\ d", r"m\\\ x"]),
    st.sampled_from(["plan", "fact"]), st.integers(-(2**65), 2**65) | st.floats(), st.sampled_from(["", "i", "u"]),
    st.sampled_from(["plan", "fact"]), st.integers(-100, 100) | st.floats(), st.sampled_from(["", "i"]),
    st.integers(-5, 1_800_000_000_000_000_000) | st.sampled_from(["", "100000000000000000", "99999999999999999"]),
)  # fmt: skip
texts = st.lists(pieces | plain | plain.map("{}\n".format), max_size=12).map("".join) | st.lists(plain, max_size=5).map(
    "\n".join
)


def outcome(text: bytes, **options: Any) -> Packed | str:
    try:
        return pack(text, **options)
    except BadLine as exc:
        return exc.detail


@given(texts)
@example("a plan=1,fact=2\nb plan=1 plan=1,fact=2,fact=3")
@example("m plan=1,fact=2,fact=3\nm plan=1,2 3")
@example("m plan=1,null 2 3\nm,fact=1 plan=1,fact=2,fact=3 4")
@example("m a=1 plan=2,fact=3\nb plan=1,fact=2")
@example("m plan=1i,fact=2i 5\nm plan=1i,fact=2 5i")
@example("A\n,1,2,3 plan=1,fact=2\n")
@example("# plan=1,fact=2 3")
@example(" plan=1,fact=2 3")
@example("a plan=-0,fact=-0.0 3")
@example("a plan=1,fact=2 1e3")
def test_both_ways_lead_to_the_same_rows(text: str) -> None:
    both_agree(text)


def both_agree(text: str) -> None:
    raw = text.encode()
    assert outcome(raw) == outcome(raw, fast=False)


characters = st.text(
    st.characters(max_codepoint=0x7F)
    | st.sampled_from("\x80\x85\xa0ü\u2028\ufeff😀")
    | st.sampled_from(' ,=\\\n"#0ie-.'),
    max_size=3,
)


@given(st.lists(st.tuples(plain, st.integers(0, 60), characters, st.integers(0, 2)), min_size=1, max_size=3))
@example([("l plan=1,fact=2 ", 1, "\x7f", 0)])
def test_both_ways_agree_on_any_character(lines: list[tuple[str, int, str, int]]) -> None:
    """The character is inserted into plain lines, or replaces a piece of them."""
    both_agree("\n".join(line[:at] + odd + line[at + gone :] for line, at, odd, gone in lines))


@given(texts, st.integers(1, 60))
@example("a plan=0,fact=0\nm,series=b plan=0,fact=0 0", 1)  # a series whose readings are refused is forgotten
def test_a_text_says_the_same_however_it_is_cut(text: str, size: int) -> None:
    raw = text.encode()
    assert outcome(raw, size=size, block=20) == outcome(raw)
    assert outcome(raw, size=size, block=20, partial=True) == outcome(raw, partial=True)


@given(st.binary(max_size=200))
def test_rubbish_is_refused_and_nothing_else(text: bytes) -> None:
    assert isinstance(outcome(text), Packed | str)


@pytest.mark.parametrize(
    "line",
    [
        "m,series=a plan=1,fact=2 1700000000000000000",
        "a plan=1.5,fact=-2e3 1700000000000000000",
        "m,series=a,host=b plan=1,fact=2",
        r"reading,series=line\ 1\,\=b plan=1,fact=2 1700000000000000000",
        "reading,series=a fact=1i,plan=2i 1700000000000000000",
    ],
)
def test_plain_lines_go_the_quick_way(line: str) -> None:
    """The figures of the benchmark depend on it."""
    assert decode_plain(f"{line}\n{line}\n".encode()) is not None


@pytest.mark.parametrize("count", [3, 499, 500, 501, 2000])
def test_any_number_of_escapes(count: int) -> None:
    """The escapes are in a string, in a key, in a tag and in a measurement."""
    space, comma, equals, quote = (f"\\{char}" * count for char in ' ,="')
    [line] = parse(f'm{space}x,t{comma}={equals}u k{space}="{quote}"')
    tag, field = "t" + "," * count, "k" + " " * count
    assert line == {"series": f"m{' ' * count}x", tag: "=" * count + "u", field: '"' * count}


@pytest.mark.parametrize(
    "line",
    [
        b'a note="' + b'\\"' * 10**5 + b'"',
        b"a b" + b"\\ " * 10**5 + b"=1",
        b"a b=" + b"1" * 10**5 + b"x",
        b" " * 10**5 + b"\0",
        b"m" + b"\\ " * 10**5 + b"x plan=1",
    ],
)
def test_a_long_piece_is_looked_at_once(line: bytes) -> None:
    started = time.process_time()
    with pytest.raises(BadLine):
        pack(line)
    assert time.process_time() - started < 3


def test_a_string_that_never_ends_is_not_looked_at_again_and_again() -> None:
    reader = LineReader(Packer(RULES, NOW), 1)
    at_once(reader.feed(b'a note="'))
    for _ in range(3000):
        at_once(reader.feed(b"x\n" * 500))
    with pytest.raises(BadLine, match="longer than 65,536 bytes"):
        at_once(reader.finish())
