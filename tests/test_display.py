"""The records as pages, for people and for programs."""

import pytest

from tests.harness import Running

pytestmark = pytest.mark.anyio
HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


async def test_page_1_of_nothing_is_an_empty_page(fresh: Running) -> None:
    answer = await fresh.http.get("/display")
    assert answer.json() == {"items": [], "page": 1, "per_page": 50, "pages": 1, "total": 0}
    assert "no records yet" in (await fresh.http.get("/display", headers=HTML)).text
    assert "Send a reading" in (await fresh.http.get("/", headers=HTML)).text


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
    await fresh.http.post("/readings", json=[{"plan": 1}] * 25)
    answer = await fresh.http.get("/display?page=2&per_page=10")
    assert {rel: link["url"] for rel, link in answer.links.items()} == {
        "first": "/display?page=1&per_page=10",
        "prev": "/display?page=1&per_page=10",
        "next": "/display?page=3&per_page=10",
        "last": "/display?page=3&per_page=10",
    }
    page = (await fresh.http.get("/display?page=2&per_page=10", headers=HTML)).text
    assert 'rel="next" href="/display?page=3&amp;per_page=10"' in page
    assert "Page 2 of 3" in page


async def test_html_shows_values_and_escapes_text(shared: Running, name: str) -> None:
    await shared.http.post(
        "/readings",
        json={"plan": 40, "fact": 38.5, "series": f"<script>{name}", "a": "<b>"},
        headers={"Idempotency-Key": name},
    )
    answer = await shared.http.get("/display?per_page=1000", headers=HTML)
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


@pytest.mark.parametrize("query", ["pge=1", "page=1&page=2", "per_page=0", "per_page=1001", "format=xml"])
async def test_parameters_are_read_strictly(shared: Running, query: str) -> None:
    answer = await shared.http.get(f"/display?{query}")
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"


async def test_the_page_shown_is_chosen_by_format_or_accept(shared: Running) -> None:
    plain = await shared.http.get("/display?format=html")
    assert plain.headers["content-type"].startswith("text/html")
    forced = await shared.http.get("/display?format=json", headers=HTML)
    assert forced.headers["content-type"] == "application/json"
