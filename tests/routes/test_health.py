"""The addresses for orchestrators and metrics collectors."""

import re

import pytest

from tests.conftest import Engine
from tests.harness import Running

pytestmark = pytest.mark.anyio


async def test_alive_and_ready(shared: Running, engine: Engine) -> None:
    assert (await shared.http.get("/livez")).json() == {"status": "ok"}
    answer = await shared.http.get("/readyz")
    assert answer.status_code == 200
    state = answer.json()
    # on some servers the background jobs always fail
    assert state["status"] == "ready" or (state["status"] == "degraded" and "job" in state["detail"])
    assert state["edition"] == engine.server.edition
    assert state["timescaledb"] == engine.server.timescaledb


async def test_not_ready_says_why(shared: Running) -> None:
    shared.parts.writer.standstill.why = "The database doesn't answer."
    try:
        answer = await shared.http.get("/readyz")
    finally:
        shared.parts.writer.standstill.why = None
    assert answer.status_code == 503
    assert answer.json()["detail"] == "The database doesn't answer."
    assert answer.headers["Retry-After"] == "1"


async def test_metrics_count_what_was_written(shared: Running) -> None:
    await shared.http.post("/readings", json={"plan": 1})
    text = (await shared.http.get("/metrics")).text
    assert 'taktline_readings_total{outcome="written"}' in text
    assert "taktline_commit_seconds_bucket" in text


async def test_the_api_describes_itself_without_another_host(shared: Running) -> None:
    document = (await shared.http.get("/schema/openapi.json")).json()
    assert {"/readings", "/chart", "/display", "/livez", "/readyz", "/metrics"} <= set(document["paths"])
    body = document["paths"]["/readings"]["post"]["requestBody"]["content"]
    assert set(body) == {"application/json", "application/x-ndjson", "text/csv"}
    page = (await shared.http.get("/schema", headers={"Accept": "text/html"})).text
    assert "https://" not in page.split("spec:")[0]
    assets = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(assets) == 4  # the script, its presets, the style and the icon
    for asset in assets:
        assert (await shared.http.get(asset)).status_code == 200


async def test_an_unknown_address_is_a_problem(shared: Running) -> None:
    answer = await shared.http.get("/nope")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert (await shared.http.delete("/display")).status_code == 405
