import json
import math
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import BadReading, BadRequest, TooLarge
from service.intake.attributes import MAX_ATTRIBUTES
from service.intake.batch import Packed
from service.intake.formats import frames
from service.intake.formats.decoding import parse_msgpack
from service.intake.formats.envelopes import RefusedEnvelope
from service.intake.reading import Rules, now_microseconds
from service.intake.timestamps import MINUTE, microseconds, moment_of, of_text, show
from service.intake.turns import at_once
from tests.batches import RULES, Row, rows_of

NOW = now_microseconds()
MOMENT = datetime(2026, 1, 31, 14, 5, tzinfo=UTC)
EXTENSION = msgspec.msgpack.Ext(5, b"x")


def read_json(text: str | bytes, rules: Rules, now: int, **how: Any) -> Packed:
    return at_once(frames.read_json(text, rules, now, **how))


def read_msgpack(raw: bytes, rules: Rules, now: int) -> Packed:
    return at_once(frames.read_msgpack(raw, rules, now))


def read_frame(raw: bytes, rules: Rules, now: int) -> Packed:
    return at_once(frames.read_frame(raw, rules, now))


def batch(text: str | bytes) -> Packed:
    return read_json(text, RULES, NOW)


def readings(text: str | bytes) -> list[Row]:
    return rows_of(batch(text))


def refusal(text: str | bytes) -> BadRequest:
    with pytest.raises(BadRequest) as caught:
        read_json(text, RULES, NOW)
    return caught.value


def test_a_reading() -> None:
    [reading] = readings('{"plan": 40, "fact": 38.5, "series": "line 1", "ts": "2026-01-31T15:05:00+01:00"}')
    assert (reading.plan, reading.fact, reading.series) == (40.0, 38.5, "line 1")
    assert reading.ts == microseconds(MOMENT)
    assert reading.attributes is None


def test_absent_keys_have_defaults() -> None:
    [reading] = readings("{}")
    assert (reading.plan, reading.fact, reading.series, reading.ts) == (None, None, "default", NOW)


@pytest.mark.parametrize("ts", ["1769868300", "1769868300.0", "1769868300000", '"2026-01-31T14:05:00Z"'])
def test_ts_is_text_or_epoch_seconds_or_milliseconds(ts: str) -> None:
    [reading] = readings(f'{{"ts": {ts}}}')
    assert reading.ts == microseconds(MOMENT)


def test_other_keys_are_attributes() -> None:
    [reading] = readings('{"id": "doc-7", "plan": 1, "note": {"по": ["русски", null, 1.5]}}')
    assert json.loads(reading.attributes or b"") == {"id": "doc-7", "note": {"по": ["русски", None, 1.5]}}


def test_an_array_is_a_batch_without_id() -> None:
    made = batch('[{"plan": 1}, {"fact": 2}]')
    assert made.id is None
    assert [(one.plan, one.fact) for one in rows_of(made)] == [(1, None), (None, 2)]


def test_an_envelope_has_an_id() -> None:
    made = batch('{"id": "b1", "readings": [{"plan": 1}]}')
    assert made.id == "b1"
    assert made.count == 1


def test_an_object_whose_readings_is_no_array_is_a_reading() -> None:
    made = batch('{"id": "b1", "readings": 7}')
    assert made.id is None
    assert json.loads(rows_of(made)[0].attributes or b"") == {"id": "b1", "readings": 7}


@pytest.mark.parametrize("batch_id", ["null", "5", '""', '"' + "x" * 201 + '"', '"a\\u0000b"'])
def test_a_batch_id_is_text_of_1_to_200_characters(batch_id: str) -> None:
    assert refusal(f'{{"id": {batch_id}, "readings": []}}').status == 422


@pytest.mark.parametrize(
    ("text", "field", "words"),
    [
        ('{"plan": true}', "plan", "boolean"),
        ('{"fact": "5"}', "fact", "text"),
        ('{"plan": NaN}', "plan", "finite"),
        ('{"fact": -Infinity}', "fact", "finite"),
        ('{"plan": 1e999}', "plan", "finite"),
        ('{"plan": 1' + "0" * 400 + "}", "plan", "finite"),
        ('{"plan": 1e300}', "plan", "at most"),
        ('{"series": ""}', "series", "1 to 200"),
        ('{"series": "' + "x" * 201 + '"}', "series", "1 to 200"),
        ('{"series": 5}', "series", "text"),
        ('{"series": "a\\u0000b"}', "series", "NUL"),
        ('{"ts": "2026-01-31T14:05:00"}', "ts", "offset"),
        ('{"ts": "yesterday"}', "ts", "RFC 3339"),
        (r'{"ts": "2026-01-31T14\ud80005:00Z"}', "ts", "RFC 3339"),
        ('{"ts": true}', "ts", "boolean"),
        ('{"ts": -1}', "ts", "too small for epoch seconds or milliseconds"),
        ('{"ts": -1e9}', "ts", "before 1970"),
        ('{"ts": 0}', "ts", "too small"),
        (
            '{"ts": 46346.5}',
            "ts",
            "46346.5 is too small for epoch seconds or milliseconds (is it a spreadsheet's day?)",
        ),
        ('{"ts": 99999999, "plan": 1, "fact": 2}', "ts", "write a time before 3 March 1973 as text"),
        ('{"Plan": 1}', "Plan", 'field names are lower case: write "plan"'),
        ('{"plan": 1, "FACT": 2}', "FACT", 'field names are lower case: write "fact"'),
        ('{"TS": 1769868300, "fact": 2}', "TS", 'field names are lower case: write "ts"'),
        ('{"Series": "a", "fact": 2}', "Series", 'field names are lower case: write "series"'),
        ('{"plan": 1, "timestamp": "2026-01-31T14:05:00Z"}', "timestamp", "did you mean ts?"),
        ('{"plan": 1, "time": "01/02/2026"}', "time", "did you mean ts?"),
        ('{"plan": 1, "time": "1.1.2026 10:00"}', "time", "did you mean ts?"),
        ('{"plan": 1, "time": "20260101T000000Z"}', "time", "did you mean ts?"),
        ('{"plan": 1, "time": "Thu, 01 Jan 2026 10:00:00 GMT"}', "time", "did you mean ts?"),
        ('{"plan": 1, "time": 1769868300000000000}', "time", "did you mean ts?"),
        ('{"fact": 1, "Time": 1769868300}', "Time", "did you mean ts?"),
        ('{"fact": 1, "ts": null, "time": "1769868300.5"}', "time", "did you mean ts?"),
        ('{"ts": 1e300}', "ts", "out of range"),
        ('{"ts": 99999999999999, "plan": 1, "fact": 2}', "ts", "too far ahead"),
        ('{"ts": -99999999999999, "plan": 1, "fact": 2}', "ts", "before 1970"),
        ('{"ts": 1769868300000000, "plan": 1}', "ts", "is it counted in microseconds or nanoseconds?"),
        ('{"ts": 1769868300000000000, "plan": 1, "fact": 2}', "ts", "is it counted in microseconds or nanoseconds?"),
        ('{"ts": 1' + "0" * 400 + "}", "ts", "out of range"),
        ('{"ts": 1' + "0" * 5000 + "}", "ts", "out of range"),
        ('{"plan": -1' + "0" * 5000 + "}", "plan", "finite"),
        ('{"note": [1' + "0" * 5000 + "]}", "note", "finite"),
        ('{"note": ["\\ud83d"]}', "note", "surrogate"),
        ('{"\\ud83d": 1}', "attributes", "surrogate"),
        ('{"note": {"\\ud83d": "\\ud83d"}}', "attributes", "surrogate"),
        ('{"series": "x\\ud83d"}', "series", "surrogate"),
        ('"\\ud800"', "", "object"),
        ('{"ts": "9999-12-31T23:59:59Z"}', "ts", "ahead"),
        ('{"ts": "0001-01-01T00:00:00+14:00"}', "ts", "before 1970"),
        ('{"note": "a\\u0000b"}', "note", "NUL"),
        ('{"a\\u0000b": 1}', "attributes", "NUL"),
        ('{"deep": {"x": NaN}}', "x", "finite"),
        ('{"note": "' + "x" * MAX_ATTRIBUTES + '"}', "attributes", "8192"),
        ("5", "", "object"),
        ('"text"', "", "object"),
        ("null", "", "object"),
        ("[[1]]", "", "array"),
    ],
)
def test_what_is_refused_names_the_field(text: str, field: str, words: str) -> None:
    error = refusal(text)
    assert isinstance(error, BadReading)
    assert error.status == 422
    assert [fault.field for fault in error.faults] == [field]
    assert words in error.faults[0].detail


@pytest.mark.parametrize(
    "text",
    [
        '{"timestamp": "2026-01-31T14:05:00Z", "cpu": 4}',
        '{"plan": 1, "ts": 1769868300, "timestamp": "2026-01-31T14:05:00Z"}',
        '{"plan": 1, "time": 12.5, "timestamp": "shift 2"}',
        '{"plan": 1, "note": {"Plan": 2, "TS": 3}}',
        '{"plan": 1, "time": true, "timestamp": null}',
        '{"plan": 1, "planned": 2, "tsunami": 3}',
    ],
)
def test_keys_that_only_look_like_ours_are_attributes(text: str) -> None:
    """Free-form documents have times of their own, and `time` often means a duration."""
    [reading] = readings(text)
    kept = {key: value for key, value in json.loads(text).items() if key not in ("ts", "plan")}
    assert json.loads(reading.attributes or b"") == kept


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-31 14:05:00+00", MOMENT),
        ("2026-01-31 14:05:00.5+00", MOMENT + timedelta(seconds=0.5)),
        ("2026-01-31 14:05:00.123456-00", MOMENT + timedelta(microseconds=123456)),
        ("2026-01-31 19:35:00+05:30", MOMENT),
        ("2026-01-31 10:35:00-03:30", MOMENT),
        ("2026-01-31 14:58:28+00:53:28", MOMENT),
        ("2026-01-31T14:05:00+00", MOMENT),
        ("1970-01-01 00:00:05+00", datetime(1970, 1, 1, 0, 0, 5, tzinfo=UTC)),
    ],
)
def test_times_as_postgresql_writes_them(text: str, moment: datetime) -> None:
    assert [row.ts for row in readings(json.dumps([{"ts": text}, {"ts": text, "plan": 1, "fact": 2}]))] == [
        microseconds(moment)
    ] * 2


@pytest.mark.parametrize(
    "text", ["2026-13-31 14:05:00+00", "2026-01-31 24:05:00+00", "2026-01-31 14:05:00+00:60", "infinity",
             "2016-12-31T23:58:60Z",
             "2016-12-31T23:59:60+01:00", "2016-12-31T23:59:60", "2016-12-31T23:59:61Z",
             "2026-01-31 14:05+00", "2026-01-31 14:05:00 +00", "0044-03-15 12:00:00+00 BC", "2026-01-31+00"]
)  # fmt: skip
def test_what_is_no_time(text: str) -> None:
    assert refusal(json.dumps({"ts": text})).faults[0].field == "ts"


@given(st.integers(-62_135_510_400_000_000, 253_402_214_400_000_000), st.integers(-57_599, 57_599))
def test_any_time_of_postgresql(ts: int, offset: int) -> None:
    """PostgreSQL writes minutes and seconds of an offset only where these aren't zero, and fractions of a second
    without trailing zeros."""
    local, size = moment_of(ts + offset * 1_000_000), abs(offset)
    parts = [size // 3600, size // 60 % 60, size % 60]
    while len(parts) > 1 and not parts[-1]:
        parts.pop()
    second = f"{local:%S}" + (f".{local.microsecond:06}".rstrip("0") if local.microsecond else "")
    written = f"{local:%H:%M}:{second}{'-' if offset < 0 else '+'}{':'.join(f'{part:02}' for part in parts)}"
    assert of_text(f"{local.year:04}-{local:%m-%d} {written}") == ts


def test_every_faulty_item_is_named() -> None:
    error = refusal('[{"plan": 1}, {"plan": "x"}, {"fact": null}, 7]')
    assert [(fault.index, fault.field) for fault in error.faults] == [(1, "plan"), (3, "")]


def test_a_refusal_says_how_it_counts_and_ends_once() -> None:
    assert refusal('[{"plan": 1}, {"plan": "x"}]').detail == (
        "1 reading was refused; item 1 (counted from 0): plan: must be a number, not text."
    )
    assert refusal('[1, {"ts": 5}]').detail.startswith(
        "2 readings were refused; item 0 (counted from 0): must be a JSON object,"
    )
    with pytest.raises(TooLarge, match="at most 1 reading; send them in several"):
        read_json("[{}, {}]", Rules(datetime(1970, 1, 1, tzinfo=UTC), timedelta(days=1), 1), NOW)


def test_at_most_a_hundred_items_are_named() -> None:
    assert len(refusal(json.dumps([{"plan": "x"}] * 500)).faults) == 100


def test_a_backslash_before_u0000_is_no_nul() -> None:
    [reading] = readings(r'{"note": "a\\u0000b"}')
    assert json.loads(reading.attributes or b"") == {"note": r"a\u0000b"}


def test_a_fact_may_be_ahead_by_the_clock_skew_and_a_plan_much_further() -> None:
    for reading in ({"fact": 1}, {"plan": 1, "fact": 1}, {"plan": 1, "fact": 1, "a": 1}):
        assert readings(json.dumps({"ts": _in(hours=23), **reading}))
        fault = refusal(json.dumps([{"ts": _in(hours=25), **reading}])).faults[0]
        assert (fault.field, fault.detail[:38]) == ("ts", "is too far ahead of the server's clock")
        assert fault.detail.endswith("with a fact is " + show(NOW + 24 * 60 * MINUTE) + " (MAX_CLOCK_SKEW)")
    plans: list[dict[str, object]] = [{"plan": 1}, {"note": "a holiday"}, {}]
    for plan in plans:
        assert readings(json.dumps([{"ts": _in(days=399), **plan}, {"plan": 1, "fact": 2}]))
        fault = refusal(json.dumps([{"ts": _in(days=401), **plan}])).faults[0]
        assert fault.field == "ts"
        assert fault.detail.endswith("without a fact is " + show(NOW + 400 * 24 * 60 * MINUTE) + " (MAX_PLAN_AHEAD)")


def test_a_plan_is_never_held_closer_than_a_fact() -> None:
    rules = Rules(datetime(1970, 1, 1, tzinfo=UTC), timedelta(days=3), max_plan_ahead=timedelta(0))
    assert read_json(json.dumps({"ts": _in(days=2), "plan": 1}), rules, NOW).count == 1
    with pytest.raises(BadReading):
        read_json(json.dumps({"ts": _in(days=4), "plan": 1}), rules, NOW)


def _in(**ahead: float) -> str:
    return moment_of(NOW + timedelta(**ahead) // timedelta(microseconds=1)).isoformat()


@pytest.mark.parametrize("note", ["", "x" * 501, 5, ["x"], {"a": 1}, True])
def test_a_note_is_text_of_1_to_500_characters(note: object) -> None:
    fault = refusal(json.dumps({"series": "a", "note": note})).faults[0]
    assert fault.field == "note"
    assert "1 to 500 characters" in fault.detail
    assert readings(json.dumps({"plan": 1, "note": note}))  # beside a number it is an attribute like others
    for good in ("Ж" * 500, None):
        assert readings(json.dumps({"series": "a", "note": good}))


@pytest.mark.parametrize("text", ["", "{", '{"plan": }', "plan=1", "[" * 100_000, b'{"a": "\xff"}', "\0"])
def test_what_is_no_json_is_malformed(text: str | bytes) -> None:
    error = refusal(text)
    assert not isinstance(error, BadReading)
    assert error.status == 400


TIME_OUT_OF_RANGE = b"\xc7\x0c\xff\x00\x00\x00\x00\x7f" + b"\xff" * 7


def test_one_reading_that_cannot_be_decoded_is_named_and_its_envelope_as_well() -> None:
    deep = "[" * 50_000 + "]" * 50_000  # deeper than any of our parsers accepts
    for odd, field in (('{"note": "\\ud83d"}', "note"), ('{"plan": 1' + "0" * 5000 + "}", "plan")):
        text = f'{{"id": "b1", "readings": [{{"plan": 1}}, {odd}]}}'
        error = refusal(text)
        assert isinstance(error, RefusedEnvelope)
        assert (error.status, error.batch_id) == (422, "b1")
        assert [(fault.index, fault.field) for fault in error.faults] == [(1, field)]
        assert read_json(f'[{{"plan": 1}}, {odd}]', RULES, NOW, partial=True).count == 1
    assert refusal(f'[{{"note": {deep}}}]').status == 400
    raw = b"\x82\xa2id\xa2b1\xa8readings\x92\x81\xa4plan\x01\x81\xa2ts" + TIME_OUT_OF_RANGE
    with pytest.raises(RefusedEnvelope) as caught:
        read_msgpack(raw, RULES, NOW)
    assert (caught.value.status, caught.value.batch_id) == (422, "b1")
    assert [(fault.index, fault.field) for fault in caught.value.faults] == [(1, "ts")]


@pytest.mark.parametrize("batch_id", [r'"\ud83d"', "1" * 5000, "NaN", '{"a": "\\ud83d"}'])
def test_an_id_that_cannot_be_sent_back_is_none(batch_id: str) -> None:
    error = refusal(f'{{"id": {batch_id}, "readings": []}}')
    assert isinstance(error, RefusedEnvelope)
    assert error.status == 422
    msgspec.json.encode(error.batch_id)


@pytest.mark.parametrize("inside", [r'"\u0000"', "NaN", r'"\ud83d"', '"null"'])
def test_nesting_is_refused_or_kept(inside: str) -> None:
    for deep in range(900, 1010):
        with suppress(BadRequest):
            assert batch(f'[{{"a": {"[" * deep}{inside}{"]" * deep}}}]').count == 1


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"":', "}")])
def test_nesting_has_a_limit_of_its_own(opening: str, closing: str) -> None:
    """It isn't the limit of the parser, which depends on the call depth."""
    for levels, inside in ((199, "1"), (199, '"[[[["'), (197, "[[],[],{}]")):
        text = f'{{"a": {opening * levels}{inside}{closing * levels}}}'
        assert batch(text).count == 1
        assert read_frame(msgspec.msgpack.encode(json.loads(text)), RULES, NOW).count == 1
    assert "nested too deeply" in refusal(f'{{"a": {opening * 200}1{closing * 200}}}').detail


def test_messagepack_says_the_same() -> None:
    for value in ({"plan": 40, "fact": 38.5}, [{"plan": 1}], {"id": "x", "readings": [{"series": "a", "notes": [1]}]}):
        text = json.dumps(value)
        assert read_msgpack(msgspec.msgpack.encode(value), RULES, NOW) == read_json(text, RULES, NOW)
    moment = msgspec.msgpack.encode({"ts": MOMENT, "n": 1})
    assert read_msgpack(moment, RULES, NOW) == read_json('{"ts": "2026-01-31T14:05:00Z", "n": 1}', RULES, NOW)
    with pytest.raises(BadRequest):
        parse_msgpack(b"\xc1")
    for odd in ({"plan": math.nan}, {b"key": 1}, {"note": math.inf}, {("a",): 1}):
        with pytest.raises(BadRequest):
            read_msgpack(msgspec.msgpack.encode(odd), RULES, NOW)


@pytest.mark.parametrize("start", ["", " ", "\t", "\r\n", "\ufeff"])
@pytest.mark.parametrize(
    "text", ['{"plan": 40}', '[{"plan": 1}, {"n": 2}]', '{"id": "x", "readings": []}', '{"plan": 4']
)
def test_json_in_a_binary_frame(start: str, text: str) -> None:
    """MessagePack that begins like JSON is never valid here."""

    def outcome(read: Callable[[], Packed]) -> Packed | str:
        try:
            return read()
        except BadRequest as exc:
            return exc.detail

    assert outcome(lambda: read_frame((start + text).encode(), RULES, NOW)) == outcome(
        lambda: read_json(start.strip("\ufeff") + text, RULES, NOW)
    )


def test_a_binary_frame_that_is_neither() -> None:
    for raw, words in ((b"\xff\xfe{\0", "UTF-16"), (b"", "MessagePack"), (b"\xc1", "MessagePack"), (b"5", "a number")):
        with pytest.raises(BadRequest, match=words):
            read_frame(raw, RULES, NOW)
    assert read_frame(msgspec.msgpack.encode({"plan": 40}), RULES, NOW) == read_json('{"plan": 40}', RULES, NOW)


def test_the_clock_counts_microseconds() -> None:
    assert abs(now_microseconds() - datetime.now(UTC).timestamp() * 1e6) < 1e6


@pytest.mark.parametrize(
    ("value", "field", "detail"),
    [
        ({"a": {None: 1}}, "a", "has a key that isn't text; keys must be text"),
        ({"a": {1: 2, "b": 3}}, "a", "has a key that isn't text; keys must be text"),
        ({"a": [{(1, 2): 3}]}, "a", "has a key that isn't text; keys must be text"),
        ({7: 1}, "attributes", "has a key that isn't text; keys must be text"),
        (
            {"a": {"b": EXTENSION}},
            "b",
            "is an extension type or a time out of range, which can't be kept; send it as text",
        ),
        ({"a": [EXTENSION]}, "a", "is an extension type or a time out of range, which can't be kept; send it as text"),
        ({"ts": EXTENSION}, "ts", "must be RFC 3339 text or a number, not something of another type"),
    ],
)
def test_what_json_does_not_have_is_refused_in_our_words(value: object, field: str, detail: str) -> None:
    with pytest.raises(BadReading) as caught:
        read_msgpack(msgspec.msgpack.encode(value), RULES, NOW)
    assert [(fault.field, fault.detail) for fault in caught.value.faults] == [(field, detail)]


def test_a_key_that_can_not_even_be_read() -> None:
    with pytest.raises(BadRequest, match=r"^This isn't MessagePack: a key isn't text \(byte 5\)\.$"):
        read_msgpack(b"\x81\xd4\x05x\x01", RULES, NOW)
