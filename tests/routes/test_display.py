"""The pages of records, for people and for programs."""

import asyncio
import csv
import html
import io
import re
import time
from contextlib import suppress
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from service.errors import Unavailable
from tests.conftest import Engine, run_jobs
from tests.database import connected
from tests.harness import Running

pytestmark = pytest.mark.anyio
HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


async def test_page_1_of_nothing_is_an_empty_page(fresh: Running) -> None:
    answer = await fresh.http.get("/display")
    assert answer.json() == {"items": [], "page": 1, "per_page": 50, "pages": 1, "total": 0}
    assert "no records yet" in (await fresh.http.get("/display", headers=HTML)).text
    assert "curl" in (await fresh.http.get("/", headers=HTML)).text


async def test_pages_of_fifty_newest_first(fresh: Running) -> None:
    readings = [{"plan": number, "fact": number / 2, "ts": 1_760_000_000 + number} for number in range(120)]
    await fresh.http.post("/readings", json=readings)
    first, last = (await fresh.http.get("/display")).json(), (await fresh.http.get("/display?page=3")).json()
    assert (first["page"], first["per_page"], first["pages"], first["total"]) == (1, 50, 3, 120)
    assert [item["plan"] for item in first["items"]] == list(range(119, 69, -1))
    assert [item["plan"] for item in last["items"]] == list(range(19, -1, -1))
    assert first["items"][0] == {
        "ts": "2025-10-09T08:55:19Z",
        "series": "default",
        "plan": 119,
        "fact": 59.5,
        "attributes": None,
    }


async def test_links_between_pages(fresh: Running) -> None:
    await fresh.http.post("/readings", json=[{"plan": number} for number in range(25)])
    answer = await fresh.http.get("/display?page=2&per_page=10")
    assert answer.headers["x-total-count"] == "25"
    assert answer.links["first"]["url"] == "/display?per_page=10&page=1"
    assert answer.links["last"]["url"] == "/display?per_page=10&page=3"
    assert answer.links["next"]["url"].startswith("/display?per_page=10&cursor=")
    beside = {rel: (await fresh.http.get(answer.links[rel]["url"])).json() for rel in ("prev", "next")}
    assert beside["prev"] == (await fresh.http.get("/display?page=1&per_page=10")).json()
    assert beside["next"] == (await fresh.http.get("/display?page=3&per_page=10")).json()
    page = (await fresh.http.get("/display?page=2&per_page=10", headers=HTML)).text
    assert "<strong>11–20</strong> of <strong>25</strong>" in page
    assert 'rel="next" href="/display?per_page=10&amp;cursor=' in page


async def test_the_ends_have_no_links_beyond(fresh: Running) -> None:
    await fresh.http.post("/readings", json=[{"plan": number} for number in range(20)])
    assert set((await fresh.http.get("/display?per_page=10")).links) == {"first", "next", "last"}
    assert set((await fresh.http.get("/display?per_page=10&page=2")).links) == {"first", "prev", "last"}


@pytest.mark.parametrize("order", ["desc", "asc"])
async def test_filters_order_and_totals(fresh: Running, order: str) -> None:
    """Every page of some selections, by number and by links, is compared with the readings themselves."""
    readings: list[dict[str, Any]] = [
        {"ts": 1_760_000_000 + 0.25 * number * number % 90_000, "series": "abc"[number % 3], "plan": number}
        for number in range(300)
    ]
    await fresh.http.post("/readings", json=readings)
    for series, start, until in [
        ((), None, None),
        (("a",), None, None),
        (("a", "c"), 1_760_000_100, 1_760_050_000.5),
        ((), 1_760_000_030.5, 1_760_000_031),
        ((), 1_760_003_000, None),
    ]:
        wanted = sorted(
            float(one["ts"])
            for one in readings
            if (not series or one["series"] in series)
            and float(one["ts"]) >= (start or 0)
            and float(one["ts"]) < (until or 1e10)
        )
        params = {"series": list(series), "from": start, "until": until, "order": order, "per_page": 7}
        given = {name: value for name, value in params.items() if value}
        found = await walk(fresh, "/display", given)
        assert len(found) == len(wanted)
        assert [seconds(one["ts"]) for one in found] == (wanted[::-1] if order == "desc" else wanted)


async def walk(service: Running, address: str, params: dict[str, Any]) -> list[dict[str, Any]]:
    """All records, collected by the links to the next page. Each page must be the same by its number, and on the way
    back by the links to the previous page."""
    answer = await service.http.get(address, params=params)
    total = answer.json()["total"]
    items, number = [], 1
    while True:
        by_number = await service.http.get(address, params={**params, "page": number})
        assert by_number.json() == answer.json()
        assert answer.json()["total"] == total
        items += answer.json()["items"]
        if "next" not in answer.links:
            return items
        before, answer, number = answer, await service.http.get(answer.links["next"]["url"]), number + 1
        assert (await service.http.get(answer.links["prev"]["url"])).json() == before.json()


def seconds(ts: str) -> float:
    return datetime.fromisoformat(ts).timestamp()


async def test_a_reader_neither_misses_nor_sees_twice_while_others_write(fresh: Running) -> None:
    """From the first page to the last by the next links, and all the way back, while new and late readings are
    written."""
    then = time.time() - 3600
    await fresh.http.post("/readings", json=[{"ts": then + number % 7, "plan": number} for number in range(400)])
    writing = asyncio.create_task(keep_writing(fresh))
    try:
        answer = await fresh.http.get("/display?per_page=9")
        seen = [item["plan"] for item in answer.json()["items"]]
        while "next" in answer.links:
            answer = await fresh.http.get(answer.links["next"]["url"])
            seen += [item["plan"] for item in answer.json()["items"]]
        back = [item["plan"] for item in answer.json()["items"]][::-1]
        for _ in range(30):
            answer = await fresh.http.get(answer.links["prev"]["url"])
            back += [item["plan"] for item in answer.json()["items"]][::-1]
    finally:
        writing.cancel()
    ours = [plan for plan in seen if plan < 400]
    assert sorted(ours) == list(range(400))
    assert len(set(seen)) == len(seen)
    assert [plan for plan in back if plan < 400] == ours[::-1][: len([plan for plan in back if plan < 400])]


async def keep_writing(service: Running) -> None:
    number = 1000
    while True:
        late = time.time() - 3600 - number % 13
        await service.http.post("/readings", json=[{"plan": number}, {"plan": number + 0.5, "ts": late}])
        number += 1
        await asyncio.sleep(0.005)


async def test_counts_stay_exact_through_refreshes(fresh: Running) -> None:
    """Old readings are written in several batches, with refreshes of the rollups between them; totals and pages are
    always exact."""
    now = time.time()
    total = 0
    for spread in (10, 4000, 90_000, 300_000):
        batch = [{"ts": now - spread * (number + 1) / 60, "plan": number} for number in range(60)]
        await fresh.http.post("/readings", json=batch)
        total += 60
        for _ in range(2):
            first = await fresh.http.get("/display?per_page=25")
            assert first.json()["total"] == total
            last = (await fresh.http.get(first.links["last"]["url"])).json()
            assert len(last["items"]) == (total - 1) % 25 + 1
            if fresh.parts.store.server.edition == "community":
                with suppress(Unavailable):  # a policy may be refreshing there; the totals are exact all the same
                    await fresh.parts.store.rollups.refresh_late()


async def test_nothing_is_hidden_while_an_import_is_rolled_up(fresh: Running, engine: Engine, schema: str) -> None:
    """The policies refresh in many batches; every total is exact, however many of these are done."""
    store = fresh.parts.store
    if store.server.edition != "community" or store.server.embedded:
        pytest.skip("no refreshes beside others here")
    async with connected(engine, schema) as con:
        await con.execute(
            "select alter_job(job_id, scheduled => false) from timescaledb_information.jobs "
            "where hypertable_schema = current_schema()"
        )
        await asyncio.sleep(2)  # a run that is under way ends meanwhile
        await con.execute(
            "insert into reading (ts, series, plan) select ts, 'a', 1 "
            "from generate_series(now() - interval '5 days', now() - interval '5 minutes', interval '20 seconds') ts"
        )
        total = await con.fetchval("select count(*) from reading")
    jobs = asyncio.create_task(run_jobs(store))
    seen = set()
    while not jobs.done():
        seen.add((await fresh.http.get("/display?per_page=1")).json()["total"])
    await jobs
    assert seen == {total}


async def test_html_shows_values_and_escapes_text(shared: Running, name: str) -> None:
    await shared.http.post(
        "/readings",
        json={"plan": 40, "fact": 38.5, "series": f"<script>{name}", "a": "<b>"},
        headers={"Idempotency-Key": name},
    )
    answer = await shared.http.get("/display", params={"series": f"<script>{name}"}, headers=HTML)
    assert answer.headers["content-type"].startswith("text/html")
    assert f"&lt;script&gt;{name}" in answer.text
    assert "<script>" not in answer.text
    assert "−1.5" in answer.text


@pytest.mark.parametrize("page", ["0", "-1", "x", "1.5", "", "1e3", "٣", "9" * 30])
async def test_what_is_no_page_number_is_refused(shared: Running, page: str) -> None:
    answer = await shared.http.get("/display", params={"page": page})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "page"


async def test_past_the_end_there_is_nothing(shared: Running) -> None:
    answer = await shared.http.get("/display?page=1000000")
    assert answer.status_code == 404
    assert "the last one is" in answer.json()["detail"]
    page = await shared.http.get("/display?page=1000000", headers=HTML)
    assert page.status_code == 404
    assert page.headers["content-type"].startswith("text/html")
    assert "the last one is" in page.text


BAD = "pge=1 page=1&page=2 page=1&cursor=AA cursor=AA cursor=%00 order=up tz=Mars from=x from=2&until=1 per_page=0"


@pytest.mark.parametrize("query", [*BAD.split(), "per_page=1001", "format=xml"])
async def test_parameters_are_read_strictly(shared: Running, query: str) -> None:
    answer = await shared.http.get(f"/display?{query}")
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"


async def test_the_page_shown_is_chosen_by_format_or_accept(shared: Running) -> None:
    plain = await shared.http.get("/display?format=html")
    assert plain.headers["content-type"].startswith("text/html")
    forced = await shared.http.get("/display?format=json", headers=HTML)
    assert forced.headers["content-type"] == "application/json"


async def test_times_are_shown_in_the_zone_asked_for(shared: Running, name: str) -> None:
    readings = [{"ts": f"2026-03-29T0{hour}:30:00Z", "plan": 1, "series": name} for hour in (0, 1)]
    await shared.http.post("/readings", json=readings)
    params = {"series": name, "tz": "Europe/Berlin", "from": "2026-03-29T01:00"}
    page = (await shared.http.get("/display", params=params, headers=HTML)).text
    shown = re.findall(
        r'<span class="date">(.+?)</span> <span class="clock">(.+?)</span> <span class="offset">(.+?)<', page
    )
    assert set(shown) == {("2026-03-29", "01:30:00", "+01:00"), ("2026-03-29", "03:30:00", "+02:00")}


async def test_a_page_as_csv(shared: Running, name: str) -> None:
    reading = {"ts": "2026-01-31T14:05:00.123456Z", "series": name, "plan": 40, "fact": -0.5, "x": 'a "b", c'}
    await shared.http.post("/readings", json=[reading, {"ts": "2026-01-31T14:00:00Z", "series": name}])
    answer = await shared.http.get("/display", params={"series": name, "format": "csv"})
    assert answer.headers["content-type"].startswith("text/csv")
    assert list(csv.reader(io.StringIO(answer.text))) == [
        ["ts", "series", "plan", "fact", "attributes"],
        ["2026-01-31T14:05:00.123456Z", name, "40", "-0.5", '{"x": "a \\"b\\", c"}'],
        ["2026-01-31T14:00:00Z", name, "", "", ""],
    ]


async def test_pages_allow_nothing_from_elsewhere(shared: Running) -> None:
    for address in ("/", "/display", "/display?page=0"):
        answer = await shared.http.get(address, headers=HTML)
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'")
        assert "unsafe" not in policy
        assert "http" not in policy


async def test_files_of_pages_may_be_kept_for_ever(shared: Running) -> None:
    page = (await shared.http.get("/display", headers=HTML)).text
    address = page.split('rel="stylesheet" href="')[1].split('"')[0]
    answer = await shared.http.get(address)
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-encoding"] == "gzip"
    assert (await shared.http.get("/assets/style.css")).headers["cache-control"] == "no-cache"
    assert (await shared.http.get("/assets/style.0.css")).status_code == 404
    for accepted, packed in (("gzip;q=0", False), ("br", False), ("*", True), ("br, gzip;q=0.5", True)):
        answer = await shared.http.get("/assets/style.css", headers={"Accept-Encoding": accepted})
        assert ("content-encoding" in answer.headers) is packed


@pytest.mark.parametrize(
    ("asked", "plain"),
    [
        ("/display?from=&until=&tz=&order=", "/display"),
        ("/display?series=a+b&series=&from=-2h&until=&tz=&order=asc", "/display?series=a+b&from=-2h&order=asc"),
        ("/display?from=-2h&from_at=2026-01-31T14:05&until=&until_at=", "/display?from=2026-01-31+14%3A05"),
        ("/display?from=&from_at=&until=%20&until_at=2026-01-31T14:05", "/display?until=2026-01-31+14%3A05"),
        ("/?period=1h&tz=", "/?period=1h"),
        ("/?period=6h&from=2026-01-31+14%3A05&from_at=2026-01-31T14:05&until=&until_at=&tz=", "/?period=6h"),
        ("/?from=20260131&until=&until_at=2026-01-31T14:05&period=", "/?from=20260131&until=2026-01-31+14%3A05"),
    ],
)  # fmt: skip
async def test_what_a_form_leaves_empty_doesnt_stand_in_the_address(shared: Running, asked: str, plain: str) -> None:
    """A browser without scripts sends empty fields. It is redirected to the plain address."""
    answer = await shared.http.get(asked, headers=HTML)
    assert (answer.status_code, answer.headers["location"]) == (303, plain)
    assert (await shared.http.get(plain, headers=HTML)).status_code == 200


async def test_programs_are_sent_nowhere_else(shared: Running) -> None:
    assert (await shared.http.get("/display?from=&until=&tz=&order=&format=")).status_code == 200
    assert (await shared.http.get("/display?from_at=2026-01-31T14:05")).status_code == 400
    assert (await shared.http.get("/display?pge=", headers=HTML)).status_code == 400


def field(page: str, name: str) -> tuple[str, str]:
    """An input of a page, and the message that describes it."""
    [tag] = re.findall(rf'<input name="{name}"[^>]*>', page)
    [described] = re.findall(r'aria-describedby="([^"]*)"', tag)
    [sentence] = re.findall(rf'<p class="fault" id="{described}"[^>]*>([^<]*)</p>', page)
    return tag, html.unescape(sentence)


async def test_bad_times_keep_the_form_and_say_why_beside_the_fields(fresh: Running) -> None:
    await fresh.http.post("/readings", json={"series": "<i>a", "plan": 1})
    params = {"series": "<i>a", "from": 'half "past', "until": "-2fortnights", "order": "asc", "per_page": "7"}
    answer = await fresh.http.get("/display", params={**params, "tz": "Mars"}, headers=HTML)
    assert answer.status_code == 400
    assert answer.headers["cache-control"] == "no-store"
    for name, typed in (("from", "half &#34;past"), ("until", "-2fortnights"), ("tz", "Mars")):
        tag, sentence = field(answer.text, name)
        assert f'value="{typed}"' in tag
        assert 'aria-invalid="true"' in tag
        assert html.unescape(typed) in sentence
        assert sentence.endswith(".")
    assert "Write it like 2026-01-31 14:05" in field(answer.text, "from")[1]
    assert 'value="&lt;i&gt;a" checked' in answer.text
    assert '<option value="asc" selected>' in answer.text
    assert 'name="per_page" value="7"' in answer.text
    good = (await fresh.http.get("/display", params={"series": "<i>a", "from": "-2h"}, headers=HTML)).text
    assert "aria-invalid" not in good
    assert field(good, "from")[1] == ""


async def test_every_fault_is_named_to_programs(shared: Running) -> None:
    problem = (await shared.http.get("/display?from=x&until=y&tz=Mars")).json()
    assert [one["field"] for one in problem["errors"]] == ["tz", "from", "until"]
    assert problem["detail"].count(" isn't a time; allowed are ") == 2
    query = "nope=1&from=x&page=no&cursor=no&per_page=0&order=up&excel=true&format=json"
    problem = (await shared.http.get(f"/display?{query}")).json()
    fields = ["nope", "from", "page", "cursor", "per_page", "order", "excel"]
    assert [one["field"] for one in problem["errors"]] == fields
    assert problem["detail"].startswith("'nope' isn't a parameter here;")
    assert problem["detail"].endswith("excel: is for format=csv.")
    problem = (await shared.http.get("/chart?width=1&step=2x&agg=mean&format=json")).json()
    assert sorted(one["field"] for one in problem["errors"]) == ["agg", "step", "width"]


async def test_a_spreadsheet_takes_no_text_for_a_formula(fresh: Running) -> None:
    names = ["=1+1", "+1", "-1", "@A1", "\tx", "\rx", "plain", "a=1"]
    await fresh.http.post("/readings", json=[{"ts": 1_700_000_000, "series": name, "plan": -1} for name in names])
    period = "from=2023-11-14&until=2023-11-16&format=csv"
    for address in (f"/display?{period}", f"/readings?{period}", f"/chart?{period}&split=series&step=1d&tz=UTC"):
        exact = await fresh.http.get(address)
        assert sorted(row["series"] for row in csv.DictReader(io.StringIO(exact.text, newline=""))) == sorted(names)
        shown = (await fresh.http.get(f"{address}&excel=true")).content
        assert shown.startswith(b"\xef\xbb\xbf")
        rows = list(csv.DictReader(io.StringIO(shown.decode("utf-8-sig"), newline="")))
        assert sorted(row["series"] for row in rows) == sorted([*(f"'{name}" for name in names[:6]), *names[6:]])
        assert {float(row["plan"]) for row in rows} == {-1}
        assert (await fresh.http.get(address.replace("csv", "json") + "&excel=true")).status_code == 400
    links = (await fresh.http.get(f"/display?{period}&excel=true&per_page=2")).headers["link"]
    assert "excel=true" in links


@pytest.mark.parametrize(
    "query", ["from=2&until=1", "page=0", "per_page=x", "cursor=AA", "page=999999", "page=1&cursor=AA"]
)
async def test_whatever_is_wrong_the_form_is_there(shared: Running, query: str) -> None:
    answer = await shared.http.get(f"/display?{query}", headers=HTML)
    assert answer.status_code == (404 if query == "page=999999" else 400)
    told = (await shared.http.get(f"/display?{query}")).json()["detail"]
    assert html.unescape(field(answer.text, "from")[1] or answer.text).count(told.removeprefix("from: ")) == 1
    assert 'aria-label="Which records"' in answer.text


async def test_past_the_end_leads_to_the_first_page_of_the_same(shared: Running, name: str) -> None:
    params = {"series": name, "page": "9", "tz": "Asia/Kolkata"}
    page = await shared.http.get("/display", params=params, headers=HTML)
    assert links(page)["/display"] == {"series": name, "tz": "Asia/Kolkata", "page": "1"}


async def test_period_series_and_zone_go_along_from_page_to_page(fresh: Running) -> None:
    await fresh.http.post("/readings", json={"series": "a & b", "ts": "2026-01-31T14:05:30.5Z", "plan": 1})
    await fresh.http.post("/readings", json={"series": "a & b", "plan": 1})
    same = {"series": "a & b", "tz": "Asia/Kolkata"}
    live = links(await fresh.http.get("/", params={**same, "period": "6h"}, headers=HTML))
    assert {"/display", "/chart"} <= set(live)
    assert live["/display"] == {**same, "from": "-6h"}
    assert live["/chart"] == {**same, "from": "-6h", "format": "html"}
    records = links(await fresh.http.get("/display", params=live["/display"], headers=HTML))
    assert records["/"] == {**same, "period": "6h"}
    assert records["/chart"] == live["/chart"]
    other = {**same, "from": "2026-01-01", "until": "2026-02-01"}
    records = links(await fresh.http.get("/display", params=other, headers=HTML))
    assert records["/"] == other
    assert records["/chart"] == {**other, "format": "html"}
    long = {**other, "until": "2026-02-02"}
    assert links(await fresh.http.get("/display", params=long, headers=HTML))["/"] == same
    live = links(await fresh.http.get("/", params=other, headers=HTML))
    assert (live["/display"], live["/chart"]) == (other, {**other, "format": "html"})
    records = links(await fresh.http.get("/display", params=same, headers=HTML))
    assert records["/chart"] == {**same, "from": "2026-01-31T14:05:30Z", "format": "html"}
    assert (await fresh.http.get("/chart", params=records["/chart"])).status_code == 200


def links(page: httpx.Response) -> dict[str, dict[str, str]]:
    """The parameters of a page's links, by their paths; of several links with one path the last."""
    found = [urlsplit(html.unescape(one)) for one in re.findall(r'<a [^>]*href="(/[^"#]*\?[^"]*)"', page.text)]
    return {one.path: dict(parse_qsl(one.query)) for one in found}
