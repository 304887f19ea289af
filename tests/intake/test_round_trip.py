"""Whatever was accepted can be exported and posted back, which writes the same readings once more."""

import csv
import io
import itertools
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from service.intake.attributes import MAX_ATTRIBUTES
from tests.examples import examples
from tests.harness import Running

pytestmark = pytest.mark.anyio
MICROSECOND = timedelta(microseconds=1)
WINDOWS = (datetime(2021, 1, 1, tzinfo=UTC) + timedelta(hours=number) for number in itertools.count())

TEXTS = st.text(max_size=8) | st.text(" \t\"',;|\r\n\\{}[]=#\ufeffЖ😀\x1f\x7f\u2028e1", max_size=12)
NUMBERS = (
    st.integers(-9, 9)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(
        [0.0, -0.0, 1e300, 1e-300, 5e-324, 1.5e22, 2**53 + 1, 2**64, 10**330, 1e16, 1e-5, 123456789012345678.5]
    )
)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=8,
)
LONG = st.sampled_from([[1e300] * 26, [1e300] * 28, [1e-7] * 800, [1e-7] * 1300, [0.5] * 1900, ['"'] * 1600])
ATTRIBUTES = st.dictionaries(
    TEXTS | st.sampled_from(["", "id", "readings", "attributes", "a"]), VALUES | LONG, max_size=4
)
DEEP = json.loads("[" * 199 + "]" * 199)
FLOATS = st.none() | st.integers(-(10**18), 10**18) | st.floats(-1e290, 1e290)
SERIES = st.none() | st.text(min_size=1, max_size=8) | TEXTS | st.just(" line 1 ") | st.just("x" * 200)
READINGS = st.lists(
    st.tuples(st.integers(0, 3_599_999_999), SERIES, FLOATS, FLOATS, ATTRIBUTES), min_size=1, max_size=6
)
Sent = list[tuple[int, str | None, float | None, float | None, dict[str, Any]]]


def as_json(sent: list[dict[str, Any]]) -> str:
    return json.dumps(sent)


def as_lines(sent: list[dict[str, Any]]) -> str:
    return "\n".join(json.dumps(one, ensure_ascii=False) for one in sent)


def as_table(sent: list[dict[str, Any]]) -> str:
    out = io.StringIO(newline="")
    writer = csv.writer(out, quoting=csv.QUOTE_ALL)
    writer.writerow(["fact", "attributes", "ts", "plan", "series"])
    for one in sent:
        own = {name: one.pop(name, "") for name in ("fact", "ts", "plan", "series")}
        writer.writerow([own["fact"], json.dumps(one), own["ts"], own["plan"], own["series"]])
    return out.getvalue()


WAYS_IN = {"application/json": as_json, "application/x-ndjson": as_lines, "text/csv": as_table}
WAYS_BACK = {"ndjson": "application/x-ndjson", "csv": "text/csv"}


async def exported(service: Running, start: datetime, form: str) -> bytes:
    window = {"from": start.isoformat(), "until": (start + timedelta(hours=1)).isoformat(), "format": form}
    return (await service.http.get("/readings", params=window)).content


async def post(service: Running, text: bytes, media_type: str, query: str = "") -> int:
    answer = await service.http.post(f"/readings{query}", content=text, headers={"Content-Type": media_type})
    assert answer.status_code == 200, answer.text
    written: int = answer.json()["written"]
    return written


async def comes_back(service: Running, start: datetime, written: int) -> None:
    """Export the readings of this hour and post them back in both formats, so that each is there three times."""
    texts = {form: await exported(service, start, form) for form in WAYS_BACK}
    lines = texts["ndjson"].split(b"\n")[:-1]
    assert len(lines) == written
    for form, media_type in WAYS_BACK.items():
        assert await post(service, texts[form], media_type) == written
    assert sorted((await exported(service, start, "ndjson")).split(b"\n")[:-1]) == sorted(lines * 3)


@examples(0.3)
@given(sent=READINGS, media_type=st.sampled_from(list(WAYS_IN)))
@example(sent=[(0, None, 1, None, {"x": [1e300] * 1000})], media_type="application/json")
@example(sent=[(0, None, 1, None, {"x": [1e300] * 26})], media_type="text/csv")
@example(sent=[(0, None, 1, None, {"x": [1e-7] * 1300})], media_type="application/x-ndjson")
@example(sent=[(0, None, 1, None, {"x": ["\x7f\x1f" * 500, '"' * 1000, 10**330]})], media_type="application/json")
@example(sent=[(0, None, 1, None, {"": {"": 1}, "attributes": {"plan": 1}, "readings": []})], media_type="text/csv")
@example(sent=[(0, None, 1, None, {"x": DEEP})], media_type="application/x-ndjson")
@example(sent=[(0, " ", None, None, {}), (0, "\r", None, None, {}), (1, '"', 1, 2, {})], media_type="text/csv")
async def test_everything_that_can_be_taken_in(shared: Running, sent: Sent, media_type: str) -> None:
    start = next(WINDOWS)
    readings = [
        attributes
        | {name: value for name, value in zip(("series", "plan", "fact"), own, strict=True) if value is not None}
        | {"ts": (start + offset * MICROSECOND).isoformat()}
        for offset, *own, attributes in sent
    ]
    text = WAYS_IN[media_type](readings).encode("utf-8", "surrogatepass")
    answer = await shared.http.post("/readings?partial=true", content=text, headers={"Content-Type": media_type})
    written = answer.json().get("written", 0)
    assert answer.status_code in (200, 422)
    assert written + answer.json().get("refused", len(sent) - written) == len(sent)
    if written:
        await comes_back(shared, start, written)


async def test_line_protocol_comes_back_as_well(shared: Running) -> None:
    start = next(WINDOWS)
    stamp = int(start.timestamp()) * 10**9 + 123_456_000
    lines = rf"""shop\ floor,series=\ a\,b\ ,host=Ж plan=1e-7,fact=-0,big=1e300,n=18446744073709551615u,t=t {stamp}
  x,tag=\ y fact=1.7976931348623157e200,note="two
lines, \"quoted\" \\ and a tab	" {stamp + 1000}
"""
    assert (await shared.http.post("/write", content=lines.encode())).status_code == 204
    await comes_back(shared, start, 2)


@pytest.mark.parametrize(("number", "most"), [(1e300, 27), (1e-7, 818), (1.5, 2046), (10**300, 27)])
async def test_the_limit_is_on_what_is_stored(shared: Running, number: float, most: int) -> None:
    """A byte more is refused when it is first sent, and not only when it is posted back."""
    start = next(WINDOWS)
    for count, status in ((most, 200), (most + 1, 422)):
        body = json.dumps({"ts": start.isoformat(), "plan": 1, "x": [number] * count})
        answer = await shared.http.post("/readings", content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == status
    assert f"at most {MAX_ATTRIBUTES} are kept" in answer.text
    await comes_back(shared, start, 1)
