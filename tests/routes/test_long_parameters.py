"""Heads that are long: they are refused, or what is long in them counts as absent, without much work."""

import time
from contextlib import suppress

import pytest

from service.errors import BadRequest
from service.routes.influx.influxql import MAX_QUERY, answer
from service.routes.parameters import MAX_PARAMETERS, MOST_READ, best_match, takes_gzip
from tests.harness import Running, counted

pytestmark = pytest.mark.anyio


async def test_a_long_accept_counts_as_absent(shared: Running) -> None:
    accept = "text/csv" + ", a/b" * MOST_READ
    short = await shared.http.get("/display", headers={"Accept": "text/csv"})
    assert short.headers["content-type"].startswith("text/csv")
    long = await shared.http.get("/display", headers={"Accept": accept})
    assert long.headers["content-type"] == "application/json"
    assert best_match("a/b;q=0.1," * 100_000, ("text/html", "text/csv")) == "text/html"
    assert takes_gzip("br, " * MOST_READ + "gzip") is False


@pytest.mark.parametrize("path", ["/", "/chart", "/display", "/readings", "/query", "/livez"])
async def test_an_address_has_only_so_many_parameters(shared: Running, path: str) -> None:
    before = await counted(shared, path, "malformed")
    answer = await shared.http.get(f"{path}?{'a&' * MAX_PARAMETERS}")
    assert answer.status_code == 400
    assert "An address has at most 1,000 parameters." in answer.text
    assert await counted(shared, path, "malformed") == before + 1


@pytest.mark.parametrize("name", ["from", "until"])
async def test_a_long_time_is_none(shared: Running, name: str) -> None:
    assert (await shared.http.get("/chart", params={name: "now" + "-1h" * 30, "format": "json"})).status_code == 200
    answer = await shared.http.get("/display", params={name: "now" + "-1h" * 1000, "format": "json"})
    assert (answer.status_code, "isn't a time" in answer.json()["detail"]) == (400, True)


@pytest.mark.parametrize("text", ['"' + '\\"' * 4999, "'" + "\\'" * 4999, "\"'" * 5000, 'show series"' + '\\"' * 4990])
def test_a_string_without_end_is_looked_for_once(text: str) -> None:
    started = time.process_time()
    with suppress(BadRequest):
        answer(text[:MAX_QUERY], None)
    assert time.process_time() - started < 0.5
