"""The statements that clients of InfluxDB 1 send before they write, answered as by InfluxDB 1.6; and one of these
clients."""

import asyncio
from typing import Any

import influxdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import BadRequest
from service.routes.influx.influxql import STATEMENTS, answer
from tests.harness import Running, counted, stored

ANSWERED: dict[str, dict[str, Any]] = {
    "CREATE DATABASE plant": {},
    'create database "my plant" with duration 1d replication 1 name "x";': {},
    'CREATE RETENTION POLICY "a" ON "plant" DURATION 1d REPLICATION 1 DEFAULT': {},
    "ALTER RETENTION POLICY a ON plant DURATION 2d": {},
    "SHOW DATABASES": {"series": [{"name": "databases", "columns": ["name"], "values": [["plant"]]}]},
    'show  retention\npolicies on "plant"': {
        "series": [
            {
                "columns": ["name", "duration", "shardGroupDuration", "replicaN", "default"],
                "values": [["autogen", "0s", "168h0m0s", 1, True]],
            }
        ]
    },
    "SHOW MEASUREMENTS": {},
    "SHOW MEASUREMENTS ON plant WITH MEASUREMENT =~ /a.b/ LIMIT 1": {},
    'SHOW SERIES FROM "a"': {},
    "SHOW TAG KEYS": {},
    "SHOW TAG VALUES WITH KEY = series": {},
    "SHOW FIELD KEYS": {},
    "SHOW SUBSCRIPTIONS": {},
    "SHOW USERS": {"series": [{"columns": ["user", "admin"]}]},
    "SHOW CONTINUOUS QUERIES": {"series": [{"name": "plant", "columns": ["name", "query"]}]},
}
JSON = {"Content-Type": "application/json"}
REFUSED = (
    "SELECT * FROM plan",
    'select "create database x" from y',
    "DROP DATABASE plant",
    "DELETE FROM x",
    "CREATE USER x WITH PASSWORD 'y'",
    "CREATE DATABASE",
    "create databases",
    "SHOW DATABASES LIMIT",
    "GRANT ALL ON a TO b",
)


@pytest.mark.parametrize("statement", ANSWERED)
def test_what_is_asked_before_writing(statement: str) -> None:
    assert answer(statement, "plant") == {"results": [{"statement_id": 0, **ANSWERED[statement]}]}


def test_without_a_database_there_is_none() -> None:
    series = {"name": "databases", "columns": ["name"]}
    assert answer("SHOW DATABASES", None) == {"results": [{"statement_id": 0, "series": [series]}]}


@pytest.mark.parametrize("statement", REFUSED)
def test_what_is_not_answered_says_so(statement: str) -> None:
    [result] = answer(statement, "plant")["results"]
    assert "isn't answered here" in result["error"]
    assert " ".join(statement.split())[:50] in result["error"]


@pytest.mark.parametrize("query", ["", ";", " ; ;", "FOO", "CREATE DATABASE x; FOO", "'", "x" * 20_000])
def test_what_is_no_influxql(query: str) -> None:
    with pytest.raises(BadRequest):
        answer(query, None)


def test_several_statements_end_with_the_first_that_is_refused() -> None:
    results = answer('CREATE DATABASE "a;b"; SHOW MEASUREMENTS;SELECT 1; SHOW USERS', None)["results"]
    assert [(one["statement_id"], "error" in one) for one in results] == [(0, False), (1, False), (2, True)]


@given(st.lists(st.sampled_from([*STATEMENTS, "DATABASE", "DATABASES", "ON", "a", '"', "'", "\\", ";", " ", "\n"])))
def test_any_text_is_answered_or_refused(words: list[str]) -> None:
    try:
        results = answer(" ".join(words), "a")["results"]
    except BadRequest:
        return
    assert [one["statement_id"] for one in results] == list(range(len(results)))


@pytest.mark.anyio
@pytest.mark.parametrize(
    "request_",
    [
        {"method": "GET", "params": {"q": "SHOW DATABASES", "db": "plant", "chunked": "true", "epoch": "ns"}},
        {"method": "POST", "params": {"q": "SHOW DATABASES", "db": "plant"}},
        {"method": "POST", "params": {"db": "plant"}, "data": {"q": "SHOW DATABASES"}},
        {"method": "POST", "data": {"q": "SHOW DATABASES", "db": "plant", "epoch": "ns", "chunked": "false"}},
        {"method": "POST", "files": {"q": (None, "SHOW DATABASES"), "db": (None, "plant")}},
        {"method": "POST", "json": {"q": "SHOW DATABASES", "db": "plant"}},
        {"method": "POST", "params": {"q": "SHOW DATABASES", "db": "plant"}, "headers": JSON},
    ],
    ids=["address", "posted address", "form", "aioinflux", "multipart", "json", "influxdb-python"],
)  # fmt: skip
async def test_wherever_the_query_stands(shared: Running, request_: dict[str, Any]) -> None:
    got = await shared.http.request(url="/query", **request_)
    assert got.status_code == 200
    assert got.json() == answer("SHOW DATABASES", "plant")
    assert got.headers["x-influxdb-version"]


@pytest.mark.anyio
async def test_refusals_over_http(shared: Running) -> None:
    before = await counted(shared, "/query", "statement"), await counted(shared, "/query", "malformed")
    got = await shared.http.get("/query", params={"q": "SELECT 1"})
    assert (got.status_code, list(got.json()["results"][0])) == (200, ["statement_id", "error"])
    wrong: list[dict[str, Any]] = [
        {"params": {"q": "FOO"}},
        {"params": {"q": ""}},
        {},
        {"content": b"[", "headers": JSON},
    ]
    for request_ in wrong:
        got = await shared.http.post("/query", **request_)
        assert (got.status_code, list(got.json())) == (400, ["error"])
        assert got.headers["x-influxdb-error"]
    after = await counted(shared, "/query", "statement"), await counted(shared, "/query", "malformed")
    assert after == (before[0] + 1, before[1] + 4)


@pytest.mark.anyio
async def test_the_client_of_version_1_sets_up_and_writes(shared: Running, name: str) -> None:
    """The Python package influxdb, used as in its introduction."""

    def use() -> None:
        host, port = shared.url.removeprefix("http://").split(":")
        with influxdb.InfluxDBClient(host, int(port), "user", "secret", "plant", gzip=True, timeout=20) as client:
            assert client.ping()
            if {"name": "plant"} not in client.get_list_database():
                client.create_database("plant")
            assert client.get_list_database() == [{"name": "plant"}]
            client.create_retention_policy("year", "365d", "1", default=True)
            assert client.get_list_retention_policies("plant")[0]["default"]
            assert client.get_list_measurements() == client.get_list_series() == client.get_list_users() == []
            points = [{"measurement": name, "time": 1_700_000_000, "fields": {"plan": 1.0, "fact": 2.0}}]
            assert client.write_points(points, time_precision="s")
            assert client.write_points([f"{name} plan=3"], protocol="line", batch_size=10)
            with pytest.raises(influxdb.exceptions.InfluxDBClientError, match="isn't answered here"):
                client.query(f'SELECT * FROM "{name}"')

    await asyncio.to_thread(use)
    assert sorted(item["plan"] for item in await stored(shared, name, 2)) == [1, 3]
