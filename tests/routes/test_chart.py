"""`GET /chart` as a client sees it: formats, parameters, caching, errors."""

import asyncio
import io
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest
from PIL import Image

from service.charts.drawing.themes import THEMES
from service.routes.chart.chart_parameters import KNOWN
from tests.conftest import Engine, settings_for
from tests.harness import Running, running
from tests.pictures import SVG, bars, boxes, fills, texts

pytestmark = pytest.mark.anyio

IMG = {"Accept": "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"}
"""The Accept header of a browser for an `<img>`."""
PAST: dict[str, Any] = {"from": "2026-01-01T00:00Z", "until": "2026-01-01T01:00Z"}


async def post(service: Running, *readings: dict[str, Any]) -> None:
    assert (await service.http.post("/readings", json=list(readings))).status_code == 200


async def get(service: Running, headers: Any = None, **params: Any) -> httpx.Response:
    answer = await service.http.get("/chart", params=params, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer


def seconds_kept(answer: httpx.Response) -> int:
    return int(re.fullmatch(r"public, max-age=(\d+)", answer.headers["cache-control"])[1])  # type: ignore[index]


async def counted(service: Running, what: str) -> float:
    text = (await service.http.get("/metrics")).text
    return sum(float(number) for number in re.findall(rf"^{what}(?:{{.*}})? (\S+)$", text, re.MULTILINE))


@pytest.mark.parametrize(
    ("accept", "form", "media_type"),
    [
        (None, None, "image/png"),
        ("*/*", None, "image/png"),
        (IMG["Accept"], None, "image/png"),
        ("image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5", None, "image/png"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", None, "image/png"),
        ("text/html", None, "text/html"),
        ("image/svg+xml", None, "image/svg+xml"),
        ("application/json", None, "application/json"),
        ("text/csv", None, "text/csv"),
        ("application/vnd.vegalite.v6+json", None, "application/vnd.vegalite.v6+json"),
        ("application/pdf", None, "application/pdf"),
        ("application/json, text/plain, */*", None, "application/json"),
        ("application/json;q=0.5, */*;q=0.5", None, "application/json"),
        ("application/json;q=0.5, */*", None, "image/png"),
        ("application/*", None, "application/json"),
        ("image/avif,image/webp,*/*", None, "image/png"),
        ("application/json", "png", "image/png"),
        ("image/png;q=0, image/*", None, "image/svg+xml"),
        ("image/*;q=0.5, text/csv;q=0.6, */*;q=0", None, "text/csv"),
        ("nonsense, */*;q=inf", None, "image/png"),
        (None, "svg", "image/svg+xml"),
    ],
)
async def test_the_format_is_chosen(shared: Running, accept: str | None, form: str | None, media_type: str) -> None:
    answer = await get(shared, {"Accept": accept} if accept else {}, **({"format": form} if form else {}))
    assert answer.headers["content-type"].split(";")[0] == media_type
    varies = "" if media_type in ("application/json", "text/csv") else ", Accept-Language"
    assert answer.headers["vary"] == f"Accept, Accept-Encoding{varies}"


async def test_every_format_says_the_same(shared: Running, name: str) -> None:
    await post(
        shared,
        *({"series": name, "ts": f"2026-01-01T00:0{n}:30Z", "plan": n, "fact": n / 4} for n in range(9) if n != 4),
    )
    found = {
        form: await get(shared, **PAST, tz="UTC", series=name, format=form, time_format="%H:%M")
        for form in ("json", "csv", "vega", "svg", "html", "png", "pdf")
    }
    expected = {f"00:0{n}": {"plan": n, "fact": n / 4} for n in range(9) if n != 4}
    buckets = found["json"].json()["buckets"]
    assert {one["bucket"][11:16]: {"plan": one["plan"], "fact": one["fact"]} for one in buckets} == expected
    assert bars(found["svg"].content) == expected
    rows = [f"2026-01-01T00:0{n}:00Z,{n}.0,{n / 4},1" for n in range(9) if n != 4]
    assert found["csv"].text.splitlines() == ["bucket,plan,fact,readings", *rows]
    drawn = found["vega"].json()["datasets"]["bars"]
    assert len(drawn) == 16
    assert (
        f'"datasets":{json.dumps(found["vega"].json()["datasets"], separators=(",", ":"))[:60]}' in found["html"].text
    )
    assert found["png"].content.startswith(b"\x89PNG")
    assert found["pdf"].content.startswith(b"%PDF")
    assert len({answer.headers["etag"] for answer in found.values()}) == 7


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("form=svg", "form"),
        ("format=bmp", "format"),
        ("tz=Mars/Base", "tz"),
        ("tz=../../etc/passwd", "tz"),
        ("tz=", "tz"),
        ("from=soon", "from"),
        ("from=", "from"),
        ("from=now&until=-1h", "from"),
        ("from=-30d&step=1m", "step"),
        ("from=1990-01-01&step=1d", "step"),
        ("step=2m", "step"),
        ("agg=median", "agg"),
        ("series=", "series"),
        ("series=%00", "series"),
        ("from=1&from=2", "from"),
        ("split=yes", "split"),
        ("width=3001", "width"),
        ("width=1e3", "width"),
        ("width=1_000", "width"),
        ("width=%2B300", "width"),
        ("width=%20300", "width"),
        ("width=300%0a", "width"),
        ("height=-1", "height"),
        ("scale=5", "scale"),
        ("scale=nan", "scale"),
        ("width=3000&height=3000&scale=2", "scale"),
        ("width=3000&scale=4", "scale"),
        ("theme=Dark", "theme"),
        ("title=%0a", "title"),
        ("title=" + "x" * 201, "title"),
        ("time_format=%2599999d", "time_format"),
        ("time_format=%25Q", "time_format"),
        ("threshold=-1", "threshold"),
        ("threshold=inf", "threshold"),
        ("threshold=1000000000000001", "threshold"),
        ("threshold=101%25", "threshold"),
        ("threshold=%25", "threshold"),
        ("cumulative=week", "cumulative"),
        ("cumulative=day&agg=avg", "cumulative"),
        ("cumulative=day&step=1w&from=-30d", "cumulative"),
        ("style=Target", "style"),
        ("plan=fact", "plan"),
        ("plan=fact%2B7d", "plan"),
        ("agg=increase&from=-40d", "agg"),
        ("labels=Soll", "labels"),
        ("labels=Soll,Ist,mehr", "labels"),
        ("labels=,Ist", "labels"),
        ("unit=" + "x" * 31, "unit"),
    ],
)
async def test_parameters_are_read_strictly(shared: Running, query: str, field: str) -> None:
    answer = await shared.http.get(f"/chart?{query}")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == field
    assert answer.headers["cache-control"] == "no-store"


async def test_a_step_too_narrow_to_be_seen_is_longer_in_a_picture_and_said(shared: Running) -> None:
    asked: dict[str, Any] = {"from": "2026-03-01", "until": "2026-03-02", "step": "5m", "width": 200}
    svg = (await shared.http.get("/chart", params={**asked, "format": "svg"})).text
    assert "too narrow" in svg
    assert "15 minutes (steps of 5m" in re.sub(r"\s*<[^>]*>\s*", " ", svg)
    for width, step in ((200, "5m"), (960, "5m")):
        found = await shared.http.get("/chart", params={**asked, "width": width, "format": "json"})
        assert found.json()["step"] == step
    wide = (await shared.http.get("/chart", params={**asked, "width": 960, "format": "svg"})).text
    assert "too narrow" not in wide
    assert "per 5 minutes" in wide


async def test_what_is_missed_is_marked_unless_told_otherwise(shared: Running) -> None:
    await post(shared, {"series": "missed", "ts": "2026-01-03T00:10:00Z", "plan": 100, "fact": 96})
    asked = {"from": "2026-01-03T00:00Z", "until": "2026-01-03T01:00Z", "series": "missed", "format": "svg"}
    for threshold, marked in ((None, True), ("0", True), ("3%", True), ("4%", False), ("5", False), ("none", False)):
        given = {} if threshold is None else {"threshold": threshold}
        svg = (await get(shared, **asked, **given)).content
        assert (fills(svg, "fact") == [THEMES["light"].below]) is marked


async def test_running_totals_in_every_format(shared: Running) -> None:
    minutes = [
        {"series": "totals", "ts": f"2026-01-04T00:{n:02}:00Z", "plan": 10, "fact": 9 if n != 3 else None}
        for n in range(0, 8, 2)
    ] + [{"series": "totals", "ts": "2026-01-04T00:03:30Z", "plan": 5}]
    await post(shared, *minutes)
    asked = {"from": "2026-01-04T00:02Z", "until": "2026-01-04T01:00Z", "step": "1m", "series": "totals", "tz": "UTC"}
    for kind, ahead in (("period", [-1, -6, -7, -8]), ("day", [-2, -7, -8, -9])):
        found = (await get(shared, **asked, cumulative=kind, format="json")).json()["buckets"]
        assert [one["ahead"] for one in found] == ahead
        assert [one["fact_total"] - one["plan_total"] for one in found] == ahead
        assert set(found[0]) == {"bucket", "plan", "fact", "readings", "plan_total", "fact_total", "ahead"}
    table = (await get(shared, **asked, cumulative="day", format="csv")).text.splitlines()
    assert table[0] == "bucket,plan,fact,readings,plan_total,fact_total,ahead"
    assert table[-1].endswith("10.0,9.0,1,45.0,36.0,-9.0")
    svg = (await get(shared, **asked, cumulative="day", format="svg", unit="pcs", labels="Soll,Ist")).content
    assert {"9 pcs behind", "Soll", "Ist", "Ist below Soll", "Soll and Ist: totals"} <= set(texts(svg))
    assert "plan_total" not in (await get(shared, **asked, format="json")).json()["buckets"][0]
    split = (await get(shared, **asked, cumulative="period", split="series", format="json")).json()["buckets"]
    assert [(one["series"], one["ahead"]) for one in split] == [("totals", one) for one in (-1, -6, -7, -8)]


async def test_a_plan_may_be_a_line_across_one_bar_of_fact(shared: Running) -> None:
    """In every picture; tables are the same in either style."""
    name = {"series": "styles", "from": "2026-01-05T00:00Z", "until": "2026-01-05T00:10Z", "step": "1m"}
    rows = [{"series": "styles", "ts": f"2026-01-05T00:0{n}:00Z", "plan": 10, "fact": 12} for n in range(10)]
    await post(shared, *rows)

    found = {}
    for style in ("bars", "target"):
        svg = (await get(shared, **name, style=style, format="svg")).content
        found[style] = {kind: boxes(svg, kind) for kind in ("plan", "fact")}
        assert {kind: len(places) for kind, places in found[style].items()} == {"plan": 10, "fact": 10}
    (_, pair, _), (_, alone, _) = found["bars"]["fact"][0], found["target"]["fact"][0]
    assert alone > 1.5 * pair, "one bar has the whole step"
    (_, across, high), (_, _, tall) = found["target"]["plan"][0], found["bars"]["plan"][0]
    assert across >= alone
    assert high < tall / 10, "the plan is a line"
    for kind in ("json", "csv"):
        tables = [await get(shared, **name, style=style, format=kind) for style in ("bars", "target")]
        assert len({table.content for table in tables}) == len({table.headers["etag"] for table in tables}) == 1
    pictures = [await get(shared, **name, style=style, format="png") for style in ("bars", "target")]
    assert len({picture.content for picture in pictures}) == 2


async def test_settings_name_plan_fact_and_what_they_count(engine: Engine, schema: str) -> None:
    """On pictures, boards and pages, unless an address names them."""
    named = settings_for(engine, schema, plan_label="Norm", fact_label="Made", unit="pallets")
    async with running(named) as service:
        now = datetime.now(UTC).replace(second=0, microsecond=0)
        await post(service, {"ts": (now - timedelta(minutes=5)).isoformat(), "plan": 10, "fact": 7})
        svg = texts((await get(service, format="svg", cumulative="period")).content)
        assert {"Norm", "Made", "Made below Norm", "3 pallets behind"} <= set(svg)
        given = texts((await get(service, format="svg", labels="Soll,Ist", unit="t", cumulative="period")).content)
        assert {"Soll", "Ist", "3 t behind"} <= set(given)
        for address, words in (
            ("/board?from=-1h", ("Norm", "Made", "3 pallets behind")),
            ("/board?from=-1h&unit=t&labels=Soll,Ist", ("Soll", "Ist", "3 t behind")),
            ("/board?from=-1h&view=wall&theme=light&title=Hall+2", ("Hall 2", 'data-theme="light"')),
        ):
            text = (await service.http.get(address, headers={"Accept": "text/html"})).text
            for word in words:
                assert word in text.replace("\u2068", "").replace("\u2069", ""), (address, word)


async def test_the_facts_of_last_week_as_the_plan(shared: Running) -> None:
    rows = [{"series": "weeks", "ts": f"2026-02-{day:02}T00:00:00Z", "plan": 1, "fact": day} for day in (3, 10)]
    await post(shared, *rows)
    asked = {"from": "2026-02-10T00:00Z", "until": "2026-02-10T01:00Z", "series": "weeks", "plan": "fact-7d"}
    found = (await get(shared, **asked, format="json")).json()
    assert (found["plan"], found["buckets"][0]["plan"], found["buckets"][0]["fact"]) == ("fact-7d", 3, 10)
    assert "plan: fact of 7 days before" in " ".join(texts((await get(shared, **asked, format="svg")).content))


async def test_counters_are_shown_by_how_much_they_rise(shared: Running) -> None:
    values = [1000, 1007, 1035, 0, 7, 14]
    rows = [{"series": "counter", "ts": f"2026-02-01T00:{n:02}:00Z", "fact": one} for n, one in enumerate(values)]
    await post(shared, *rows)
    asked = {"from": "2026-02-01T00:00Z", "until": "2026-02-01T01:00Z", "series": "counter", "agg": "increase"}
    found = (await get(shared, **asked, step="1m", format="json")).json()["buckets"]
    assert [one["fact"] for one in found] == [None, 7, 28, 0, 7, 7]
    [hour] = (await get(shared, **asked, step="1h", format="json")).json()["buckets"]
    assert hour["fact"] == 49
    assert "Plan and fact, increase: counter" in texts((await get(shared, **asked, format="svg")).content)


async def test_a_chart_that_reaches_beyond_now_says_where_now_is(shared: Running) -> None:
    for until, said in (("now", False), ("now+2h", True), ("now-2h", False)):
        svg = (await get(shared, **{"from": "now-3h", "until": until, "format": "svg", "step": "15m"})).content
        assert ("now" in texts(svg)) is said
    answer = await get(shared, **{"from": "now-3h", "until": "now+2h", "step": "1h"})
    assert int(answer.headers["cache-control"].removeprefix("public, max-age=")) <= 60


@pytest.mark.parametrize(
    "query", ["scale=1.100000023841858", "threshold=0.30000000000000004", "threshold=1000000000000000", "scale=2."]
)
async def test_numbers_as_programs_write_them(shared: Running, query: str) -> None:
    await get(shared, None, format="json", **dict([query.split("=")]))


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("text/html,application/xhtml+xml,*/*;q=0.8", "image/png"),  # a browser
        ("text/html", "text/html"),
        ("text/html, */*;q=0", "text/html"),
        ("text/html;q=0.1, image/svg+xml;q=0.9, */*;q=0", "image/svg+xml"),
    ],
)
async def test_a_page_goes_to_those_who_take_nothing_else(shared: Running, accept: str, media_type: str) -> None:
    answer = await get(shared, {"Accept": accept}, **PAST)
    assert answer.headers["content-type"].startswith(media_type)


async def test_a_refusal_names_what_is_allowed(shared: Running) -> None:
    for query, names in (
        ("x=1", list(KNOWN)),
        ("step=2m", ["1m", "5m", "15m", "1h", "6h", "1d"]),
        ("theme=x", ["light", "dark", "print"]),
        ("from=soon", ["RFC 3339", "now-2h", "yesterday", "noon yesterday"]),
    ):
        detail = (await shared.http.get(f"/chart?{query}")).json()["detail"]
        assert all(name in detail for name in names), detail


@pytest.mark.parametrize(
    "field", ["from", "until", "tz", "step", "agg", "format", "width", "scale", "split", "unknown"]
)
async def test_a_refusal_repeats_no_more_than_it_takes_to_find_the_value(shared: Running, field: str) -> None:
    for given in ({field: "щ" * 1000}, {"x" * 1000: "1"}):
        problem = (await shared.http.get("/chart", params=given)).json()
        assert len(problem["detail"]) < 500, problem
        assert len(problem["errors"][0]["field"]) <= 60


async def test_several_series_may_be_chosen(shared: Running, name: str) -> None:
    await post(shared, *({"series": name + end, "plan": 1} for end in "abc"))
    answer = await get(shared, series=[name + "a", name + "c", name + "a"], format="json")
    assert [bucket["plan"] for bucket in answer.json()["buckets"]] == [2]


async def test_last_is_the_sum_of_what_each_series_had_last(shared: Running, name: str) -> None:
    at = "2026-01-02T00:00:{:02}Z".format
    await post(
        shared,
        {"series": name + "a", "ts": at(1), "plan": 1},
        {"series": name + "a", "ts": at(2), "plan": 2},
        {"series": name + "a", "ts": at(3), "fact": 7},
        {"series": name + "b", "ts": at(1), "plan": 30},
    )
    query: dict[str, Any] = {"from": "2026-01-02", "until": "2026-01-03", "tz": "UTC", "agg": "last", "format": "json"}
    answer = await get(shared, **query, series=[name + "a", name + "b"])
    [bucket] = answer.json()["buckets"]
    assert (bucket["plan"], bucket["fact"], bucket["readings"]) == (32, 7, 4)


async def test_many_series_are_panels_and_the_rest_is_said(shared: Running, name: str) -> None:
    series = [f"{name} {number:02}" for number in range(14)]
    await post(
        shared,
        *({"series": one, "ts": "2026-01-01T00:00:00Z", "plan": 1} for one in series),
        *({"series": one, "ts": "2026-01-01T00:01:00Z", "plan": 1} for one in series[3:]),
    )
    answer = await get(shared, **PAST, series=series, split="series", format="json", step="1m")
    buckets = answer.json()["buckets"]
    assert answer.json()["others"] == 3
    assert {bucket["series"] for bucket in buckets} == {None, *series[3:]}
    assert [bucket["plan"] for bucket in buckets if bucket["series"] is None] == [3]
    svg = (await get(shared, **PAST, series=series, split="series", format="svg")).content
    assert {"3 others", series[5]} <= set(texts(svg))
    rows = (await get(shared, **PAST, series=series, split="series", format="csv")).text.splitlines()
    assert rows[0] == "bucket,series,plan,fact,readings"
    assert len(rows) == 1 + 2 * 11 + 1


async def test_the_height_that_panels_add_counts(shared: Running, name: str) -> None:
    series = [f"{name} {number}" for number in range(7)]
    await post(shared, *({"series": one, "ts": "2026-01-01T00:00:00Z", "plan": 1} for one in series))
    looks: dict[str, Any] = {"width": 3000, "scale": 3, "split": "series"}
    await get(shared, **PAST, **looks, series=series[:2])
    answer = await shared.http.get("/chart", params={**PAST, **looks, "series": series})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "scale")


async def test_the_panels_that_there_are_count_not_those_there_might_be(shared: Running, name: str) -> None:
    series = [f"{name} {number}" for number in range(5)]
    await post(shared, *({"series": one, "plan": 1} for one in series))
    query: dict[str, Any] = {"from": "-3h", "step": "1m", "split": "series", "format": "json"}
    absent = [f"{name} none {number}" for number in range(10)]
    assert len((await get(shared, **query, series=series[:4] + absent)).json()["buckets"]) == 4
    answer = await shared.http.get("/chart", params={**query, "series": series})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "step")
    assert "in each of 5 panels" in answer.json()["detail"]


async def test_looks_are_as_asked(shared: Running) -> None:
    png = (await get(shared, **PAST, width=400, height=300, scale=2, theme="dark")).content
    with Image.open(io.BytesIO(png)) as image:
        assert image.size == (800, 600)
        assert image.convert("RGB").getpixel((0, 0)) == (0x12, 0x17, 0x1F)
    svg = (await get(shared, **PAST, width=320, title="Лінія 生产", time_format="%M", format="svg", tz="UTC")).content
    assert {"Лінія 生产", "30"} <= set(texts(svg))
    root = ElementTree.fromstring(svg)
    assert (root.get("width"), root.get("height")) == ("320", "200")


async def test_what_is_known_is_not_drawn_again(shared: Running, name: str) -> None:
    first = await get(shared, **PAST, series=name)
    drawn, tag = await counted(shared, "taktline_render_seconds_count"), first.headers["etag"]
    again = await get(shared, **PAST, series=name)
    assert again.content == first.content
    assert "cache;desc=hit" in again.headers["server-timing"]
    assert re.fullmatch(r"db;dur=[\d.]+, cache;desc=miss, render;dur=[\d.]+", first.headers["server-timing"])
    for known in (tag, f'"x", W/{tag}', "*"):
        answer = await shared.http.get("/chart", params={**PAST, "series": name}, headers={"If-None-Match": known})
        assert (answer.status_code, answer.content) == (304, b"")
        for header in ("etag", "cache-control", "vary"):
            assert answer.headers[header] == first.headers[header]
    lines = [("If-None-Match", tag), ("If-None-Match", '"x"')]
    for several in (lines, lines[::-1]):
        answer = await shared.http.get("/chart", params={**PAST, "series": name}, headers=several)
        assert answer.status_code == 304
    assert await counted(shared, "taktline_render_seconds_count") == drawn
    assert tag.startswith('"')


async def test_the_tag_of_numbers_does_not_depend_on_looks(shared: Running, name: str) -> None:
    await post(shared, {"series": name, "ts": "2026-01-01T00:00:30Z", "plan": 1})
    looks: list[dict[str, Any]] = [{}, {"theme": "dark"}, {"width": 700, "title": "T", "scale": "1.0"}]
    for form, tags in (("json", 1), ("csv", 1), ("svg", 3)):
        found = [await get(shared, **PAST, series=name, format=form, **look) for look in looks]
        assert len({one.headers["etag"] for one in found}) == tags
    once, again = [await get(shared, **PAST, series=name, **look) for look in ({}, {"scale": "1.0"})]
    assert once.headers["etag"] == again.headers["etag"]


async def test_a_series_without_readings_has_its_panel(shared: Running, name: str) -> None:
    await post(shared, {"series": name, "ts": "2026-01-01T00:00:30Z", "plan": 1})
    answer = await get(shared, **PAST, series=[name, "nobody"], split="series", format="svg")
    assert {name, "nobody"} <= set(texts(answer.content))


async def test_an_unknown_tag_is_answered_in_full(shared: Running, name: str) -> None:
    await get(shared, {"If-None-Match": '"0"'}, **PAST, series=name)


@pytest.mark.parametrize("form", ["png", "csv"])
async def test_head_says_what_get_says(shared: Running, name: str, form: str) -> None:
    full = await get(shared, **PAST, series=name, format=form)
    head = await shared.http.head("/chart", params={**PAST, "series": name, "format": form})
    assert (head.status_code, head.content) == (200, b"")
    for header in ("etag", "cache-control", "content-type", "content-length", "vary"):
        assert head.headers[header] == full.headers[header]


@pytest.mark.parametrize("form", ["svg", "json", "csv", "vega"])
async def test_text_is_packed_for_those_who_take_it(shared: Running, name: str, form: str) -> None:
    plain = await get(shared, {"Accept-Encoding": "identity"}, **PAST, series=name, format=form)
    packed = await get(shared, {"Accept-Encoding": "br, gzip;q=0.5"}, **PAST, series=name, format=form)
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.content == plain.content
    assert int(packed.headers["content-length"]) < len(plain.content) or form in ("csv", "json")
    assert packed.headers["etag"] != plain.headers["etag"]
    for refused in ("gzip;q=0", "*, gzip;q=0", "gzip;q=0, *", "*;q=0"):
        assert "content-encoding" not in (await get(shared, {"Accept-Encoding": refused}, **PAST, format=form)).headers
    assert (await get(shared, {"Accept-Encoding": "*"}, **PAST, format=form)).headers["content-encoding"] == "gzip"


async def test_a_late_reading_changes_the_tag_at_once(shared: Running, name: str) -> None:
    before = await get(shared, **PAST, series=name)
    await post(shared, {"series": name, "ts": "2026-01-01T00:30:00Z", "fact": 1})
    after = await get(shared, {"If-None-Match": before.headers["etag"]}, **PAST, series=name)
    assert after.headers["etag"] != before.headers["etag"]
    assert after.headers["x-data-until"] == "2026-01-01T00:31:00Z"
    assert "x-data-until" not in before.headers


async def test_how_long_a_chart_may_be_kept(shared: Running) -> None:
    async def is_kept_until(end: Callable[[datetime], datetime], **asked: str) -> None:
        """`end` is told when the service may have answered: just after the first time, just before the second."""
        asked_at = datetime.now(UTC)
        answer = await get(shared, format="json", **asked)
        answered_at = datetime.now(UTC)
        age = seconds_kept(answer)
        second = timedelta(seconds=1)  # answers to requests of one second have the same end
        earliest, latest = asked_at + age * second - second, answered_at + (age + 1) * second + second
        assert any(earliest <= end(now) <= latest for now in (asked_at, answered_at)), (age, asked_at, answered_at)

    def next_minute(now: datetime) -> datetime:
        return now.replace(second=0, microsecond=0) + timedelta(minutes=1)

    def at_most_five_minutes(end: Callable[[datetime], datetime]) -> Callable[[datetime], datetime]:
        return lambda now: min(end(now), now + timedelta(minutes=5))

    def next_quarter(now: datetime) -> datetime:
        return now.replace(minute=now.minute // 15 * 15, second=0, microsecond=0) + timedelta(minutes=15)

    def midnight(now: datetime) -> datetime:
        return now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)

    await is_kept_until(next_minute)
    await is_kept_until(lambda now: now + timedelta(days=1), **PAST)
    now = datetime.now(UTC)
    just_over = {"from": f"{now - timedelta(minutes=9):%Y-%m-%dT%H:%MZ}", "until": f"{now:%Y-%m-%dT%H:%MZ}"}
    assert seconds_kept(await get(shared, format="json", **just_over)) <= 60
    await is_kept_until(at_most_five_minutes(next_quarter), **{"from": "-2d", "until": "-1d"})
    await is_kept_until(at_most_five_minutes(midnight), **{"from": "yesterday", "until": "today"})
    fixed = f"{datetime.now(UTC) - timedelta(minutes=2):%Y-%m-%dT%H:%M:%SZ}"
    nothing_is_left = await get(shared, format="json", **{"from": "now-150s", "until": fixed})  # in half a minute
    assert seconds_kept(nothing_is_left) <= 30
    assert seconds_kept(await get(shared, format="json", **{"from": "-60d"})) <= 300


async def test_an_unfinished_minute_looks_so(shared: Running, name: str) -> None:
    await post(shared, {"series": name, "plan": 2, "fact": 1})
    svg = (await get(shared, series=name, format="svg")).content
    assert "not over yet" in texts(svg)


async def test_equal_pictures_at_once_are_drawn_once(shared: Running, name: str) -> None:
    before = await counted(shared, "taktline_render_seconds_count")
    answers = await asyncio.gather(*(get(shared, **PAST, series=name, width=700) for _ in range(10)))
    assert len({answer.content for answer in answers}) == 1
    assert await counted(shared, "taktline_render_seconds_count") - before == 1


async def test_the_cache_under_concurrent_writers(shared: Running, name: str) -> None:
    """Whatever happens at the same time, a request sees all readings that were acknowledged before it, and equal tags
    mean equal charts."""
    acknowledged, contents = 0, dict[str, set[bytes]]()

    async def write() -> None:
        nonlocal acknowledged
        for number in range(25):
            await post(shared, {"series": name, "ts": f"2026-01-01T00:{number:02}:00Z", "plan": 1})
            acknowledged += 1

    async def read() -> None:
        while acknowledged < 75:
            least = acknowledged
            answer = await get(shared, **PAST, series=name, format="json")
            assert sum(bucket["readings"] for bucket in answer.json()["buckets"]) >= least
            contents.setdefault(answer.headers["etag"], set()).add(answer.content)

    await asyncio.gather(write(), write(), write(), *(read() for _ in range(5)))
    assert {len(some) for some in contents.values()} == {1}
    final = (await get(shared, **PAST, series=name, format="json")).json()["buckets"]
    assert [bucket["plan"] for bucket in final] == [3.0] * 25


async def test_an_img_gets_its_error_as_a_picture(shared: Running) -> None:
    answer = await shared.http.get("/chart?from=%3Cscript%3E&width=500&height=200&theme=dark", headers=IMG)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-chart-error"].startswith("from: '<script>' isn't a time")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    root = ElementTree.fromstring(answer.content)
    assert (root.get("width"), root.get("height")) == ("500", "200")
    assert not list(root.iter(f"{SVG}script"))
    assert "400 Bad Request" in texts(answer.content)


@pytest.mark.parametrize(
    "headers",
    [
        {"Accept": "image/avif,image/webp,*/*"},
        {"Accept": "image/webp,*/*"},
        {"Accept": "image/png, */*;q=0.1"},
        {"Accept": "*/*", "Sec-Fetch-Dest": "image"},
        {"Accept": "application/json,*/*", "Sec-Fetch-Dest": "image"},
    ],
)
async def test_whatever_an_img_says_its_error_is_a_picture(shared: Running, headers: dict[str, str]) -> None:
    answer = await shared.http.get("/chart?tz=Nowhere", headers=headers)
    assert (answer.status_code, answer.headers["content-type"].partition("/")[0]) == (400, "image")


async def test_who_takes_png_only_gets_the_error_as_png(shared: Running) -> None:
    answer = await shared.http.get("/chart?series=%00&title=щ&width=700", headers={"Accept": "image/png"})
    assert (answer.status_code, answer.headers["content-type"]) == (400, "image/png")
    with Image.open(io.BytesIO(answer.content)) as image:
        assert image.size == (700, 437)
        assert len(image.getcolors() or []) > 3


@pytest.mark.parametrize(
    ("query", "size"),
    [
        ("width=400&height=300&scale=2", (800, 600)),
        ("width=320&scale=1.5", (480, 300)),
        ("width=400&height=300&scale=5", (400, 300)),
        ("width=3000&height=3000&scale=2", (3000, 3000)),
    ],
)
async def test_an_error_is_a_picture_of_the_same_pixels(shared: Running, query: str, size: tuple[int, int]) -> None:
    answer = await shared.http.get(f"/chart?tz=Nowhere&{query}", headers={"Accept": "image/png"})
    with Image.open(io.BytesIO(answer.content)) as image:
        assert image.size == size


@pytest.mark.parametrize(
    "accept", ["*/*", "application/json", "application/problem+json", "application/json, image/png;q=0.5, */*"]
)
async def test_programs_get_a_problem(shared: Running, accept: str) -> None:
    answer = await shared.http.get("/chart?tz=Nowhere", headers={"Accept": accept})
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"


async def test_an_svg_may_do_nothing_in_a_browser(shared: Running) -> None:
    answer = await get(shared, format="svg")
    assert answer.headers["content-security-policy"] == "default-src 'none'; style-src 'unsafe-inline'"
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_ingest_does_not_wait_for_a_picture(shared: Running, name: str) -> None:
    pictures = [asyncio.create_task(get(shared, **{"from": f"-{days}d"})) for days in range(20, 28)]
    slowest = 0.0
    while not all(task.done() for task in pictures):
        started = asyncio.get_running_loop().time()
        await post(shared, {"series": name, "plan": 1})
        slowest = max(slowest, asyncio.get_running_loop().time() - started)
    await asyncio.gather(*pictures)
    assert slowest < 2


async def test_every_parameter_is_in_the_api_description(shared: Running) -> None:
    described = (await shared.http.get("/schema/openapi.json")).json()["paths"]["/chart"]["get"]["parameters"]
    assert [one["name"] for one in described] == list(KNOWN)
    assert next(one for one in described if one["name"] == "theme")["schema"]["enum"] == ["light", "dark", "print"]


# --- hours and days


async def test_what_is_outside_the_hours_is_left_out_of_numbers_and_totals(shared: Running, name: str) -> None:
    at = ("02T05:59", "02T06:00", "02T21:59", "02T22:00", "03T12:00", "05T06:30")
    await post(shared, *({"ts": f"2026-01-{ts}:00Z", "series": name, "plan": 3, "fact": 2} for ts in at))
    asked = {"series": name, "from": "2026-01-02", "until": "2026-01-06", "step": "1h", "tz": "UTC"}
    kept = {"hours": "6:00-22:00", "days": "mon-fri", "cumulative": "period"}
    found = (await get(shared, format="json", **asked, **kept)).json()
    assert (found["hours"], found["days"]) == ("06:00-22:00", "mon-fri")
    assert [(one["bucket"][5:13], one["ahead"]) for one in found["buckets"]] == [
        ("01-02T06", -1),
        ("01-02T21", -2),
        ("01-05T06", -3),
    ]
    lines = (await get(shared, format="csv", **asked, hours="22:00-06:00")).text.splitlines()
    assert [line[5:13] for line in lines[1:]] == ["01-02T05", "01-02T22"]
    whole = (await get(shared, format="json", **asked)).json()
    assert len(whole["buckets"]) == 6
    assert {"hours", "days"}.isdisjoint(whole)


async def test_each_choice_of_hours_has_a_tag_of_its_own(shared: Running) -> None:
    asked = [{}, {"hours": "06:00-22:00"}, {"hours": "06:00-21:00"}, {"days": "mon"}]
    for form in ("json", "csv", "svg"):
        tags = {(await get(shared, format=form, **PAST, **one)).headers["ETag"] for one in asked}
        assert len(tags) == len(asked)


@pytest.mark.parametrize(
    ("params", "field", "said"),
    [
        ({"hours": "6-22"}, "hours", "write them like 06:00-22:00"),
        ({"days": "mon-fry"}, "days", "write them like mon-fri,sun"),
        ({"hours": "06:00-22:00", "step": "6h"}, "step", "6h is too long to be within hours"),
        ({"days": "mon", "step": "1M"}, "step", "1M is too long to be within days"),
        ({"hours": "06:00-22:00", "from": "2000-01-01"}, "from", "give a shorter period"),
    ],
)
async def test_hours_that_are_not_possible_are_refused(
    shared: Running, params: dict[str, str], field: str, said: str
) -> None:
    answer = await shared.http.get("/chart", params={**params, "format": "json"})
    assert answer.status_code == 400
    [error] = answer.json()["errors"]
    assert error["field"] == field
    assert said in error["detail"]


# --- notes


async def test_a_note_is_on_the_chart_asked_for_next(shared: Running, name: str) -> None:
    at = "2026-01-01T00:10:20Z"
    await post(shared, {"ts": at, "series": name, "plan": 3, "fact": 2})
    before = {form: await get(shared, format=form, series=name, **PAST) for form in ("json", "csv", "svg")}
    assert before["json"].json()["notes"] == []
    await post(
        shared, {"ts": at, "series": name, "note": "film torn"}, {"ts": at, "series": "other", "note": "not ours"}
    )
    after = {form: await get(shared, format=form, series=name, **PAST) for form in ("json", "csv", "svg")}
    assert after["json"].json()["notes"] == [{"ts": at, "series": name, "note": "film torn"}]
    assert f"{name}: film torn</title>" in after["svg"].text
    assert all(after[form].headers["ETag"] != before[form].headers["ETag"] for form in after)
    assert after["csv"].text.splitlines()[0] == before["csv"].text.splitlines()[0]
    asked = await get(shared, format="csv", series=name, notes="true", **PAST)
    assert asked.text.splitlines()[1].endswith(",film torn")
    assert "film torn" not in (await get(shared, format="svg", series=name, notes="false", **PAST)).text
    left_out = {"hours": "06:00-22:00", "tz": "UTC", "format": "json"}
    assert (await get(shared, series=name, **left_out, **PAST)).json()["notes"] == []
