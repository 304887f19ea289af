"""Prometheus and Grafana of the compose file: what they are told is there, and right."""

import asyncio
import json
import os
import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import combinations
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest
import yaml  # type: ignore[import-untyped,unused-ignore]

from tests.conftest import Engine
from tests.harness import Running

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "observability"
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
DASHBOARD = json.loads((FOLDER / "grafana/taktline.json").read_text(encoding="utf-8"))
PANELS = [one for one in DASHBOARD["panels"] if one["type"] != "row"]
TARGETS = [target for panel in PANELS for target in panel["targets"]]
QUERIES = [target["rawSql"] for target in TARGETS if "rawSql" in target]
EXPRESSIONS = [target["expr"] for target in TARGETS if "expr" in target]
PAGE = (ROOT / "docs/grafana.md").read_text(encoding="utf-8")
needs_promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool, of Prometheus, isn't installed")


def promtool(*arguments: str) -> str:
    """What it says; it fails the test where it finds a fault."""
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@needs_promtool
def test_prometheus_can_read_what_it_is_given() -> None:
    assert "SUCCESS: 13 rules found" in promtool("check", "config", str(FOLDER / "prometheus.yml"))


@needs_promtool
def test_prometheus_can_read_what_grafana_asks_it(tmp_path: Path) -> None:
    rules = [
        {"record": f"of:panel{number}", "expr": text.replace("$__rate_interval", "5m")}
        for number, text in enumerate(EXPRESSIONS)
    ]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    assert f"{len(EXPRESSIONS)} rules found" in promtool("check", "rules", str(tmp_path / "rules.yml"))


@needs_promtool
def test_the_rules_of_the_page_can_be_read(tmp_path: Path) -> None:
    [block] = re.findall(r"^```yaml\n(groups:.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    (tmp_path / "rules.yml").write_text(block)
    promtool("check", "rules", str(tmp_path / "rules.yml"))


def metrics() -> set[str]:
    """The names under which there are samples, by docs/metrics.md, which another test compares with the code."""
    page = (ROOT / "docs/metrics.md").read_text(encoding="utf-8")
    made = set()
    for name, kind in re.findall(r"^\| `(taktline_\w+)` \| (\w+) \|", page, re.MULTILINE):
        made |= {f"{name}_{part}" for part in ("bucket", "sum", "count")} if kind == "histogram" else {name}
    return made


def test_what_rules_and_panels_ask_for_is_measured() -> None:
    texts = [(FOLDER / "alerts.yml").read_text(encoding="utf-8"), *EXPRESSIONS, PAGE]
    used = {name for text in texts for name in re.findall(r"\btaktline_\w+\b", text)}
    assert len(used) > 20
    assert used <= metrics()


def test_every_alert_says_how_bad_it_is_and_what_of() -> None:
    [group] = yaml.safe_load((FOLDER / "alerts.yml").read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]:
        assert rule["labels"]["severity"] in ("critical", "warning", "info"), rule
        assert rule["annotations"]["summary"].endswith("."), rule


def test_each_panel_has_a_place_and_a_source_of_its_own() -> None:
    sources = yaml.safe_load((FOLDER / "grafana/datasources.yml").read_text(encoding="utf-8"))["datasources"]
    known = {one["uid"]: one["type"] for one in sources}
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    assert len({panel["title"] for panel in PANELS}) == len(PANELS) > 15
    for panel in PANELS:
        assert panel["targets"], panel["title"]
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])
        for target in panel["targets"]:
            assert known[target["datasource"]["uid"]] == target["datasource"]["type"]
            assert ("rawSql" in target) == (target["datasource"]["uid"] == "taktline")
    for one, other in combinations([panel["gridPos"] for panel in DASHBOARD["panels"]], 2):
        assert not (overlap(one, other, "x", "w") and overlap(one, other, "y", "h")), (one, other)
    assert all(one["gridPos"]["x"] + one["gridPos"]["w"] <= 24 for one in DASHBOARD["panels"])


def overlap(one: dict[str, int], other: dict[str, int], start: str, size: str) -> bool:
    return one[start] < other[start] + other[size] and other[start] < one[start] + one[size]


def test_the_compose_file_gives_them_what_there_is() -> None:
    services = COMPOSE["services"]
    watching = {name for name, one in services.items() if one.get("profiles") == ["observability"]}
    assert watching == {"grafana", "grafana-role", "prometheus"}
    for name in watching:
        assert re.search(r":-[\w/.-]+:v?\d+\.\d+\.\d+(-pg\d+)?\}$", services[name]["image"]), name
        for volume in services[name]["volumes"]:
            source = volume.split(":")[0]
            assert (ROOT / source).is_file() if source.startswith(".") else source in COMPOSE["volumes"], volume
    for name, one in services.items():
        if name not in watching:
            assert not watching & set(one.get("depends_on", {})), name
    written = yaml.safe_load((FOLDER / "grafana/datasources.yml").read_text(encoding="utf-8"))["datasources"][0]
    assert written["secureJsonData"]["password"].removeprefix("$") in services["grafana"]["entrypoint"][2]
    assert "secret" not in str(services["grafana"]["volumes"])
    assert "superuser" not in str(services["grafana"]["volumes"])


def test_grafanas_passwords_are_made_once_unless_one_is_given(tmp_path: Path) -> None:
    for who in ("grafana", "superuser"):
        (tmp_path / who).mkdir()
    (tmp_path / "superuser/password").write_text("secret\n")
    (tmp_path / "psql").write_text('#!/bin/sh\necho "$PGPASSWORD $*"\n')
    (tmp_path / "psql").chmod(0o755)
    command = [part.replace("$$", "$") for part in COMPOSE["services"]["grafana-role"]["entrypoint"]]
    command = [part.replace("/passwords/", f"{tmp_path}/") for part in command]

    def make(given: str = "") -> list[str]:
        environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "GRAFANA_PASSWORD": given}
        done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
        assert done.stdout.startswith("secret -Xq ")
        return [(tmp_path / "grafana" / name).read_text().strip() for name in ("password", "admin")]

    first = make()
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{32}", one) for one in first)
    assert len(set(first)) == 2
    assert make() == first
    assert make("it's mine") == [first[0], "it's mine"]


CHOSEN = "'a','it''s'"


def filled(text: str, start: datetime, until: datetime, series: str = CHOSEN, search: str = "%") -> str:
    """A query with what Grafana puts in the place of its macros and variables; what *All* means is the variable's
    `allValue`, as it is, and the text that is searched for `%` until somebody types."""
    first, last = (f"'{one:%Y-%m-%dT%H:%M:%SZ}'" for one in (start, until))
    text = re.sub(r"\$__timeFilter\((\w+)\)", rf"\1 BETWEEN {first} AND {last}", text)
    text = text.replace("$__timeFrom()", first).replace("$__timeTo()", last)
    text = text.replace("$__searchFilter", search).replace("$series", series)
    assert "$" not in text
    return text


def every_query() -> Iterator[tuple[str, str]]:
    [series, sizes] = DASHBOARD["templating"]["list"]
    yield "series", series["query"]
    for panel in PANELS:
        for target in panel["targets"]:
            if "rawSql" in target:
                for size in sizes["query"].split(",") if "$size" in target["rawSql"] else [""]:
                    yield f"{panel['title']} {size}".strip(), target["rawSql"].replace("$size", size)


async def written(service: Running) -> datetime:
    """Three hours of readings, up to the end of the last minute."""
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    rows = [
        {"series": series, "ts": (now - timedelta(minutes=ago)).isoformat(), "plan": 2, "fact": 1}
        for series in ("a", "it's", "other")
        for ago in range(1, 181)
    ]
    assert (await service.http.post("/readings", json=rows)).status_code == 200
    last = {
        "series": "a",
        "from": (now - timedelta(minutes=180)).isoformat(),
        "until": now.isoformat(),
        "field": "plan",
    }
    assert (await service.http.put("/readings", params=last, json=[])).status_code == 200
    return now


async def results(con: "asyncpg.Connection[asyncpg.Record]", now: datetime) -> dict[str, list[dict[str, Any]]]:
    start, until = now.replace(hour=0, minute=0) - timedelta(days=1), now + timedelta(minutes=2)
    return {title: [dict(row) for row in await con.fetch(filled(text, start, until))] for title, text in every_query()}


@pytest.mark.anyio
async def test_every_query_is_answered_with_the_right_numbers(fresh: Running, engine: Engine) -> None:
    now = await written(fresh)
    async with beside(fresh, engine) as con:
        got = await results(con, now)
    assert [row["name"] for row in got["series"]] == ["a", "it's", "other"]
    for size in ("minute", "quarter", "hour", "day"):
        rows = got[f"Plan and fact {size}"]
        assert (sum(row["plan"] or 0 for row in rows), sum(row["fact"] for row in rows)) == (360, 360), size
        assert got[f"Ahead and behind {size}"][-1]["ahead"] == 0
    [stand] = got["Where they stand"]
    assert (stand["plan"], stand["fact"], stand["ahead"]) == (360, 360, 0)
    assert [(row["series"], row["ahead"], row["percent"]) for row in got["By series"]] == [
        ("it's", -180, 50),
        ("a", 180, None),
    ]
    [since] = got["Time since the newest fact"]
    assert 0 <= since["since"] < 3600
    assert len(got["Newest readings"]) == 50
    assert [(row["series"], row["changed"]) for row in got["Corrections"]] == [("a", 180)]


@asynccontextmanager
async def beside(service: Running, engine: Engine) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """A connection that reads what a service has written, as Grafana's does."""
    path = f"{service.parts.settings.database_schema}, public"
    con = await asyncpg.connect(engine.url, server_settings={"search_path": path, "timezone": "UTC"})
    try:
        yield con
    finally:
        await con.close()


@pytest.mark.anyio
async def test_all_series_are_more_than_the_list_has(fresh: Running, engine: Engine) -> None:
    [series, _] = DASHBOARD["templating"]["list"]
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    rows = [
        {"series": f"s{number:04}", "ts": (now - timedelta(minutes=2)).isoformat(), "fact": 1} for number in range(1200)
    ]
    assert (await fresh.http.post("/readings", json=rows)).status_code == 200
    start, until = now - timedelta(hours=1), now
    queries = dict(every_query())
    async with beside(fresh, engine) as con:
        listed = [row["name"] for row in await con.fetch(filled(queries["series"], start, until))]
        found = [row["name"] for row in await con.fetch(filled(queries["series"], start, until, search="119%"))]
        stand = filled(queries["Where they stand"], start, until, series["allValue"])
        [all_of_them] = await con.fetch(stand)
        plan = "\n".join(row[0] for row in await con.fetch(f"explain {stand}"))
    assert (len(listed), listed[-1]) == (1000, "s0999")
    assert found == ["s0119", "s1119", *(f"s{number}" for number in range(1190, 1200))]
    assert all_of_them["fact"] == 1200
    assert "series = " not in plan  # the database asks nothing about them
    assert series["refresh"] == 1  # or what was found by typing would be given up whenever the time changes


@pytest.mark.anyio
@pytest.mark.parametrize("size", ["minute", "quarter", "hour", "day"])
async def test_a_bucket_that_began_before_the_window_is_shown(fresh: Running, engine: Engine, size: str) -> None:
    """And of one that isn't over, only the plan that is due counts as behind."""
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    day = now.replace(hour=0, minute=0)
    rows = [
        {"ts": (day - timedelta(hours=12)).isoformat(), "plan": 3, "fact": 5},
        {"ts": (day - timedelta(hours=2, minutes=59)).isoformat(), "fact": 70},
        {"ts": (now - timedelta(minutes=1)).isoformat(), "plan": 1},
        {"ts": (now + timedelta(minutes=1)).isoformat(), "plan": 1000},
    ]
    assert (await fresh.http.post("/readings", json=[{"series": "a", **row} for row in rows])).status_code == 200
    start, until = day - timedelta(hours=11, minutes=59, seconds=30), now + timedelta(minutes=10)
    queries = dict(every_query())
    async with beside(fresh, engine) as con:
        shown = await con.fetch(filled(queries[f"Plan and fact {size}"], start, until))
        ahead = await con.fetch(filled(queries[f"Ahead and behind {size}"], start, until))
    assert (shown[0]["fact"], sum(row["plan"] or 0 for row in shown)) == (75 if size == "day" else 5, 1004)
    assert ahead[-1]["ahead"] == 75 - 3 - 1
    assert [row["time"] for row in ahead] == sorted({row["time"] for row in ahead})


@pytest.mark.anyio
@pytest.mark.timeout(240)
async def test_grafanas_role_may_ask_that_and_nothing_else(
    fresh: Running, engine: Engine, name: str, tmp_path: Path
) -> None:
    psql = shutil.which("psql")
    if engine.server.embedded or psql is None:
        pytest.skip("needs a server and psql")
    now, role, schema = await written(fresh), f"test_{name[:12]}", fresh.parts.settings.database_schema
    (tmp_path / "password").write_text("s3 'cr\\et\n")
    text = (ROOT / "sql/compose/grafana.sql").read_text(encoding="utf-8").replace("/passwords/grafana", str(tmp_path))
    (tmp_path / "grafana.sql").write_text(re.sub(r"(role |to |rolname = ')grafana\b", rf"\g<1>{role}", text))
    parts = urlsplit(engine.url)
    own = await asyncpg.connect(engine.url)
    try:
        for _ in range(2):
            process = await asyncio.create_subprocess_exec(
                psql,
                *("-Xq", "-v", "ON_ERROR_STOP=1", "-d", engine.url, "-f", str(tmp_path / "grafana.sql")),
                env={**os.environ, "GRAFANA_SCHEMA": schema},
            )
            assert await process.wait() == 0
        con = await asyncpg.connect(
            host=parts.hostname, port=parts.port, user=role, password="s3 'cr\\et", database=parts.path[1:]
        )
        try:
            got = await results(con, now)
            assert got["Where they stand"][0]["fact"] == 360
            for relation in ("access_key", "secret", "alert_message", "batch"):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await con.fetch(f"select * from {relation}")
            with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
                await con.execute("delete from reading")
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await con.execute("set transaction_read_only = off; delete from reading")
        finally:
            await con.close()
    finally:
        await own.execute(f"drop owned by {role}; drop role {role}")
        await own.close()
