"""What `/metrics` tells: that the list in docs/metrics.md is right, and that the values are."""

import asyncio
import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families
from websockets.asyncio.client import connect

from service.collectors import Delays, Figure
from service.metrics import Metrics
from service.run.tally import Tally
from service.store import Job
from service.store.lag import Standby
from service.upkeep.lag_watch import FRESH
from tests.conftest import Engine, run_jobs
from tests.harness import Running, ask

PAGE = (Path(__file__).parents[2] / "docs/metrics.md").read_text(encoding="utf-8")


def everything() -> Metrics:
    """Metrics of which each has been counted once."""
    made = Metrics()
    made.settled("written", 1, 2)
    made.refused("websocket", "invalid")
    made.response("/chart", 200)
    made.request("/chart", "GET", 0.1)
    made.acknowledgements("websocket")(0.01)
    made.commit(0.1, 2)
    made.rendered(0.1)
    made.chart("hit")
    made.alert_sent("a")
    made.alert_failed("a")
    made.alerts_given_up("a", 1)
    made.alerts_firing({"a": 1})
    made.watch_cache(lambda: 1, 2)
    made.watch_held(lambda: 1, 2)
    made.watch_connections(lambda: 1, 2)
    now = datetime.now(UTC)
    job = Job(1, "refresh", "minute_rollup", timedelta(minutes=1), now, None, 0, 1.0, "ok", None)
    made.watch_jobs(lambda: [job])
    made.watch_series(lambda: [Figure("a", 1, 1, 0)])
    made.watch_delays(lambda: Delays([("minute_rollup", 1.0)], [("standby", "10.0.0.2", 1.0, 100.0)]))
    made.round_succeeded("refresh")
    made.read_by_standby(0.001)
    made.read_by_primary("behind")
    made.watch_standbys(lambda: [("db2:5432", "used")])
    made.site_asked("berlin", away=False)
    made.watch_sites(["berlin"], list)
    made.know_database(engine="server", edition="community", timescaledb="2.29.2", postgresql="17.6")
    return made


def of_workers(made: Metrics) -> bytes:
    """The same, as one of several workers tells it of two that have counted alike."""
    tally = Tally(lambda: 2)
    tally.restarted()
    return made.exposition(tally.total([made.counted(), made.counted()]))


def families(text: str) -> Iterator[Metric]:
    yield from (one for one in text_string_to_metric_families(text) if not one.name.endswith("_created"))


def listed() -> set[tuple[str, str, frozenset[str]]]:
    rows = re.findall(r"^\| `(taktline_\w+)` \| (\w+) \| ([^|]*)\|", PAGE, re.MULTILINE)
    return {(name, kind, frozenset(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}


def test_the_page_lists_every_metric_with_its_type_and_labels() -> None:
    found = set()
    for family in families(of_workers(everything()).decode()):
        if family.name.startswith("taktline_"):
            name = f"{family.name}_total" if family.type == "counter" else family.name
            labels = {label for sample in family.samples for label in sample.labels} - {"le"}
            found.add((name, family.type, frozenset(labels)))
    assert found == listed()


def test_each_metric_has_a_sentence() -> None:
    for family in families(of_workers(everything()).decode()):
        assert family.documentation.endswith(".") or family.name.startswith("process_"), family.name


def complaints(text: bytes) -> bytes:
    """What Prometheus's own checker says of metrics."""
    command = ["promtool", "check", "metrics"]
    done = subprocess.run(command, input=text, capture_output=True, check=False, timeout=30)
    return done.stdout + done.stderr + (b"failed" if done.returncode else b"")


def values(text: bytes) -> dict[str, float]:
    """The value of each sample, by its name and labels. Each is there once."""
    samples = [(f"{one.name} {one.labels}", one.value) for family in families(text.decode()) for one in family.samples]
    assert len(dict(samples)) == len(samples)
    return dict(samples)


def test_two_workers_are_counted_as_one() -> None:
    """What they count and hold is added up; what is so in the database isn't, nor is how long somebody has waited."""
    made = everything()
    one, both = values(made.exposition()), values(of_workers(made))
    assert both.keys() - one.keys() == {"taktline_workers {}", "taktline_worker_restarts_total {}"}
    alike = re.compile(
        r"taktline_(alert_firing|plan|fact|ahead|job_|watermark_|replication_|standby_used|round_|\w+_info|waiting_seconds)"
    )
    for name, value in one.items():
        if not name.startswith("process_"):
            assert both[name] == (value if alike.match(name) else 2 * value), name


def test_what_a_worker_has_counted_outlasts_it() -> None:
    """And what it held doesn't."""
    gone, stays, tally = everything(), everything(), Tally(lambda: 1)
    tally.ended(gone.counted())
    both = values(stays.exposition(tally.total([stays.counted()])))
    assert both["taktline_readings_total {'outcome': 'written'}"] == 4
    assert both["taktline_commit_readings_sum {}"] == 4
    assert both["taktline_held_bytes {}"] == 1


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool, of Prometheus, isn't installed")
@pytest.mark.anyio
async def test_prometheus_finds_nothing_to_complain_of(shared: Running) -> None:
    await shared.http.post("/readings", json={"plan": 1})
    assert complaints(everything().exposition()) == b""
    assert complaints(of_workers(everything())) == b""
    assert complaints((await shared.http.get("/metrics")).content) == b""
    assert b"taktline_bad" in complaints(b"# HELP taktline_bad a\n# TYPE taktline_bad counter\ntaktline_bad 1\n")


async def sample(service: Running, name: str, **labels: str) -> float | None:
    text = (await service.http.get("/metrics")).text
    wanted = [
        one.value
        for family in families(text)
        for one in family.samples
        if one.name == name and {**one.labels, **labels} == one.labels
    ]
    return sum(wanted) if wanted else None


@pytest.mark.anyio
async def test_requests_are_timed_by_route_and_method(fresh: Running) -> None:
    await fresh.http.get("/display")
    await fresh.http.head("/display")
    await fresh.http.post("/readings", json={"plan": 1})
    await fresh.http.get(f"/{'x' * 40}")
    await fresh.http.request("PATCH", "/display")
    count = "taktline_http_request_duration_seconds_count"
    for route, method in [
        ("/display", "GET"),
        ("/display", "HEAD"),
        ("/readings", "POST"),
        ("unknown", "GET"),
        ("unknown", "other"),
    ]:
        assert await sample(fresh, count, route=route, method=method) == 1, (route, method)
    text = (await fresh.http.get("/metrics")).text
    assert "xxxx" not in text
    assert "PATCH" not in text


@pytest.mark.anyio
async def test_acknowledgements_are_timed_and_refusals_are_not(fresh: Running) -> None:
    async with connect(fresh.ws) as socket:
        assert "ack" in await ask(socket, {"id": "a", "readings": [{"plan": 1}]})
        assert "ack" in await ask(socket, {"id": "a", "readings": [{"plan": 1}]})
        assert "error" in await ask(socket, {"id": "b", "readings": [{"plan": "many"}]})
        await socket.send('{"plan": 1}')
    await fresh.http.post("/readings", json={"plan": 1})
    await fresh.http.post("/readings", json={"plan": "many"})
    await fresh.http.post("/write", content="line plan=1")
    count = "taktline_acknowledgement_seconds_count"
    counts = {each: await sample(fresh, count, transport=each) for each in ("websocket", "/readings", "/write")}
    assert counts == {"websocket": 2, "/readings": 1, "/write": 1}


@pytest.mark.anyio
async def test_the_metrics_say_what_runs_here(fresh: Running, engine: Engine) -> None:
    server = engine.server
    assert await sample(fresh, "taktline_build_info") == 1
    facts = {"edition": server.edition, "timescaledb": server.timescaledb, "postgresql": server.postgresql}
    assert await sample(fresh, "taktline_database_info", **facts) == 1
    assert (await sample(fresh, "process_resident_memory_bytes") or 0) > 2**20


@pytest.mark.anyio
async def test_what_is_kept_of_charts_is_counted(fresh: Running) -> None:
    limit = await sample(fresh, "taktline_chart_cache_bytes_limit")
    assert await sample(fresh, "taktline_chart_cache_bytes") == 0
    for how in ("miss", "hit"):
        assert (await fresh.http.get("/chart?from=2026-01-01T00:00Z&until=2026-01-01T01:00Z")).status_code == 200
        assert await sample(fresh, "taktline_charts_total", how=how) == 1
    assert 1000 < (await sample(fresh, "taktline_chart_cache_bytes") or 0) < (limit or 0)


@pytest.mark.anyio
async def test_the_watermarks_are_told_once_there_are_any(fresh: Running, engine: Engine) -> None:
    if engine.server.edition != "community":
        assert await fresh.parts.store.lags.rollups(2) == []
        return
    ts = datetime.now(UTC) - timedelta(minutes=30)
    await fresh.http.post("/readings", json={"plan": 1, "ts": ts.isoformat()})
    await run_jobs(fresh.parts.store)
    lags = dict(await fresh.parts.store.lags.rollups(2))
    assert 60 <= lags["minute_rollup"] <= 45 * 60
    fresh.parts.lags._read -= FRESH  # as if so many seconds had passed
    assert 60 <= (await sample(fresh, "taktline_watermark_lag_seconds", rollup="minute_rollup") or 0) <= 45 * 60


@pytest.mark.anyio
async def test_a_database_that_does_not_answer_leaves_out_what_it_alone_knows(fresh: Running) -> None:
    text = (await fresh.http.get("/metrics")).text
    assert "# TYPE taktline_watermark_lag_seconds gauge" in text
    fresh.parts.lags._read -= FRESH
    fresh.parts.store.writing.unusable = "Nobody answers."
    try:
        answers = await asyncio.gather(*(fresh.http.get("/metrics") for _ in range(3)))
    finally:
        fresh.parts.store.writing.unusable = None
    for answer in answers:
        assert answer.status_code == 200
        assert "taktline_watermark_lag_seconds{" not in answer.text


@pytest.mark.anyio
async def test_a_server_without_standbys_has_none(fresh: Running) -> None:
    standbys = await fresh.parts.store.lags.standbys(2)
    assert all(isinstance(one, Standby) for one in standbys)
    text = (await fresh.http.get("/metrics")).text
    assert text.count("taktline_replication_lag_bytes{") == len(standbys)
