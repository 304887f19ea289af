"""A request names at most a hundred series, and what clients send isn't kept by the thousand."""

import json
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from websockets.asyncio.client import connect

from service.charts.answering import CACHE_BUCKETS, Charts
from service.charts.question import Appearance, ChartQuestion
from service.charts.renderer import Renderer
from service.limits.fair_line import FairLine
from service.metrics import Metrics
from service.period.bucket import Numbers
from service.period.selection import SeriesFilter
from service.period.steps import Period
from service.routes.chart.chart_parameters import kept_parameters
from service.routes.chart.formats import _accepted
from service.routes.parameters import MAX_CHOSEN, best_match, takes_gzip
from tests.harness import Running, counted

NAMES: Any = [("series", f"line {number}") for number in range(MAX_CHOSEN + 1)]
SAID = f"series: at most {MAX_CHOSEN} can be named; without any, all are meant."
HOUR = (datetime(2026, 1, 1, 10, tzinfo=UTC), datetime(2026, 1, 1, 11, tzinfo=UTC))


@pytest.mark.anyio
@pytest.mark.parametrize("path", ["/chart?format=json&", "/chart?split=series&", "/display?", "/readings?", "/live?"])
async def test_a_request_names_at_most_so_many(shared: Running, path: str) -> None:
    route = path.partition("?")[0]
    before = await counted(shared, route, "malformed")
    query = "&".join(f"series=line+{number}" for number in range(MAX_CHOSEN + 1))
    answer = await shared.http.get(path + query, headers={"Accept": "application/json"})
    assert (answer.status_code, answer.json()["detail"]) == (400, SAID)
    assert await counted(shared, route, "malformed") == before + 1


@pytest.mark.anyio
async def test_as_many_are_answered(shared: Running) -> None:
    for path in ("/chart?format=json&", "/display?", "/readings?"):
        query = "&".join(f"series=line+{number}" for number in range(MAX_CHOSEN))
        assert (await shared.http.get(path + query, headers={"Accept": "application/json"})).status_code == 200, path


@pytest.mark.anyio
@pytest.mark.parametrize("path", ["/", "/display"])
async def test_the_page_says_so_beside_the_field(shared: Running, path: str) -> None:
    answer = await shared.http.get(path, params=NAMES, headers={"Accept": "text/html"})
    assert answer.status_code == 400
    assert f"at most {MAX_CHOSEN} can be named" in answer.text


@pytest.mark.anyio
async def test_a_live_socket_is_told_so(shared: Running) -> None:
    query = "&".join(f"series=line+{number}" for number in range(MAX_CHOSEN + 1))
    async with connect(f"{shared.ws}live?{query}") as socket:
        told = str(await socket.recv())
    problem = json.loads(told.partition("data: ")[2])
    assert (problem["status"], problem["detail"]) == (400, SAID)


@pytest.mark.parametrize(
    "ask",
    [
        lambda text: best_match(text, ("image/png",)),
        lambda text: takes_gzip(text),
        lambda text: _accepted(text),
    ],
    ids=["accept", "encoding", "format"],
)
def test_what_is_long_is_not_kept(ask: Callable[[str], Any]) -> None:
    """A cache of so many entries would keep several megabytes."""
    ask("0")
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for number in range(300):
            ask(f"{number:04}" * 49 + "x" * 20_000)
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown < 500_000


@pytest.mark.anyio
async def test_parameters_are_kept_where_they_are_short(shared: Running, name: str) -> None:
    def kept() -> int:
        return kept_parameters.cache_info().misses

    before = kept()
    for number in range(3):
        names = [f"{number} {each} {name * 5}" for each in range(20)]
        assert (await shared.http.get("/chart", params={"format": "json", "series": names})).status_code == 200
    assert kept() == before
    for _ in range(3):
        assert (await shared.http.get("/chart", params={"format": "json", "series": name})).status_code == 200
    assert kept() == before + 1


@pytest.mark.anyio
async def test_charts_are_kept_by_the_size_of_their_names_as_well() -> None:
    async def read(*_: object) -> Numbers:
        return Numbers((), None)

    async def committed() -> str:
        return "1"

    async def library() -> bytes:
        return b""

    metrics = Metrics()
    charts = Charts(read, committed, Renderer(0, metrics), library, metrics, FairLine("reads", 1, 100))
    for number in range(300):
        names = tuple(f"{number} {each:0190}" for each in range(MAX_CHOSEN))
        await charts.picture(
            ChartQuestion(Period(*HOUR, "1m", "UTC"), None, Appearance("%H"), series=SeriesFilter(names))
        )
    characters = sum(len(name) for key in charts._numbers for name in key.series.names or ())
    assert characters <= 25 * CACHE_BUCKETS
    assert len(charts._numbers) < 300
