"""Unmodified clients of InfluxDB: the official one for Python, and the requests of Telegraf."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from influxdb_client import InfluxDBClient, Point, WriteOptions, WritePrecision
from influxdb_client.client.exceptions import InfluxDBError
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.rest import ApiException

from tests.conftest import Engine, settings_for
from tests.database import connected
from tests.harness import Running, counted, running, stored, until

pytestmark = pytest.mark.anyio
SECOND = 1_700_000_000
TELEGRAF = {"User-Agent": "Telegraf/1.32.0 Go/1.23.0", "Content-Type": "text/plain; charset=utf-8"}


async def write(service: Running, body: str | bytes, path: str = "/api/v2/write", **options: Any) -> httpx.Response:
    return await service.http.post(path, content=body, **options)


@pytest.mark.parametrize("path", ["/write", "/api/v2/write", "/api/v3/write_lp"])
async def test_204_means_committed(shared: Running, name: str, path: str) -> None:
    lines = f'shop,series={name},host=a plan=40i,fact=38.5,ok=t,note="a b" {SECOND}000000000\n{name} plan=2'
    answer = await write(shared, lines, path)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["x-influxdb-version"]
    newest, oldest = await stored(shared, name, 2)
    assert (newest["plan"], newest["fact"], newest["attributes"]) == (2, None, None)
    assert (oldest["plan"], oldest["fact"]) == (40, 38.5)
    assert oldest["ts"].startswith("2023-11-14T22:13:20")
    assert oldest["attributes"] == {"measurement": "shop", "host": "a", "ok": True, "note": "a b"}


@pytest.mark.parametrize(
    ("path", "precision", "stamp"),
    [
        ("/write", "", "1700000000000000000"),
        ("/write", "n", "1700000000000000000"),
        ("/write", "ns", "1700000000000000000"),
        ("/write", "u", "1700000000000000"),
        ("/write", "µ", "1700000000000000"),
        ("/write", "ms", "1700000000000"),
        ("/write", "s", "1700000000"),
        ("/write", "m", "28333333"),
        ("/write", "h", "472222"),
        ("/api/v2/write", "ns", "1700000000000000000"),
        ("/api/v2/write", "us", "1700000000000000"),
        ("/api/v2/write", "ms", "1700000000000"),
        ("/api/v2/write", "s", "1700000000"),
        ("/api/v3/write_lp", "nanosecond", "1700000000000000000"),
        ("/api/v3/write_lp", "microsecond", "1700000000000000"),
        ("/api/v3/write_lp", "millisecond", "1700000000000"),
        ("/api/v3/write_lp", "second", "1700000000"),
        ("/api/v3/write_lp", "n", "1700000000000000000"),
        ("/api/v3/write_lp", "u", "1700000000000000"),
        ("/api/v3/write_lp", "", "1700000000000"),
        ("/api/v3/write_lp", "auto", "1700000000"),
        ("/api/v3/write_lp", "auto", "1700000000000"),
        ("/api/v3/write_lp", "auto", "1700000000000000"),
        ("/api/v3/write_lp", "auto", "1700000000000000000"),
    ],
)
async def test_precisions(shared: Running, name: str, path: str, precision: str, stamp: str) -> None:
    answer = await write(shared, f"{name} plan=1,fact=2 {stamp}", path, params={"precision": precision})
    assert answer.status_code == 204
    [item] = await stored(shared, name, 1)
    assert item["ts"].startswith("2023-11-14T22:")


async def test_a_bad_line_refuses_the_batch_and_is_named(shared: Running, name: str) -> None:
    before = await counted(shared, "/api/v2/write", "invalid")
    lines = f"# reading\n{name} plan=1\n{name} plan=x\n"
    answer = await write(shared, lines)
    assert answer.status_code == 400
    assert answer.json() == {
        "code": "invalid",
        "message": f"line 3: unable to parse '{name} plan=x': plan: 'x' isn't a number, boolean or quoted string",
        "line": 3,
    }
    assert answer.headers["x-platform-error-code"] == "invalid"
    assert await counted(shared, "/api/v2/write", "invalid") == before + 1
    answer = await write(shared, lines, "/write")
    assert answer.status_code == 400
    assert answer.json()["error"].startswith(f"line 3: unable to parse '{name} plan=x'")
    assert answer.headers["x-influxdb-error"] == answer.json()["error"]
    await write(shared, f"{name} plan=7")
    assert [item["plan"] for item in await stored(shared, name, 1)] == [7]


async def test_in_part_if_asked_to(shared: Running, name: str) -> None:
    lines = f"{name} plan=1\n{name} plan=x\n{name} plan=3\nbad"
    before = await counted(shared, "/write", "invalid")
    answer = await write(shared, lines, "/write", params={"partial": "true", "db": "x"})
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("partial write: line 2: unable to parse")
    assert answer.json()["error"].endswith("dropped=2")
    assert await counted(shared, "/write", "invalid") == before + 2
    assert sorted(item["plan"] for item in await stored(shared, name, 2)) == [1, 3]


@pytest.mark.parametrize(
    ("body", "options", "status", "code"),
    [
        ("a plan=1", {"params": {"precision": "m"}}, 400, "invalid"),
        ("a plan=1", {"params": {"partial": "perhaps"}}, 400, "invalid"),
        ("a plan=1 1", {"params": {"precision": "d"}}, 400, "invalid"),
        (f"a plan=1 {4 * SECOND}", {"params": {"precision": "s"}}, 400, "invalid"),
        (f"a plan=1,fact=2 {2**60}", {"params": {"precision": "ms"}}, 400, "invalid"),
        ('a plan="1"', {}, 400, "invalid"),
        ("a plan=1", {"headers": {"Content-Encoding": "br"}}, 415, "unsupported media type"),
        ("a plan=1", {"headers": {"Content-Encoding": "gzip"}}, 400, "invalid"),
        ("a plan=1", {"headers": {"Idempotency-Key": "x" * 201}}, 422, "unprocessable entity"),
        ("a plan=1", {"headers": {"Idempotency-Key": b"\xe9"}}, 422, "unprocessable entity"),
        ("# " + "x" * 17 * 2**20, {}, 413, "request too large"),
        (gzip.compress(b"# " + b"x" * 17 * 2**20), {"headers": {"Content-Encoding": "gzip"}}, 413, "request too large"),
        (b'a,host=\xc3\xbc note="\n\xff"', {}, 400, "invalid"),
    ],
)
async def test_refusals_in_the_words_of_each_version(
    shared: Running, body: str | bytes, options: dict[str, Any], status: int, code: str
) -> None:
    answer = await write(shared, body, **options)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["message"]
    if options.get("params") != {"precision": "m"}:
        answer = await write(shared, body, "/write", **options)
        assert (answer.status_code, list(answer.json())) == (status, ["error"])


@pytest.mark.parametrize("path", ["/write", "/api/v2/write", "/api/v3/write_lp", "/readings"])
@pytest.mark.parametrize("packed", [False, True])
async def test_what_is_too_large_is_told_the_limit(shared: Running, path: str, packed: bool) -> None:
    """Whether the Content-Length is too large, or the decompressed body."""
    body, headers = b"# " + b"x" * 17 * 2**20, {"Content-Type": "application/x-ndjson"}
    if packed:
        body, headers["Content-Encoding"] = gzip.compress(body), "gzip"
    before = await counted(shared, path, "too_large")
    answer = await write(shared, body, path, headers=headers)
    assert answer.status_code == 413
    assert "The body is larger than 16,777,216 bytes; send it in several requests." in answer.text
    assert await counted(shared, path, "too_large") == before + 1


async def test_an_idempotency_key_makes_a_retry_harmless(shared: Running, name: str) -> None:
    key = {"Idempotency-Key": name}
    lines = f"reading,series={name} plan=1,fact=2 {SECOND}000000000\n{name} plan=3\n"
    answers = await asyncio.gather(
        *(write(shared, lines, path, headers=key) for path in ("/write", "/api/v2/write") * 3)
    )
    assert {answer.status_code for answer in answers} == {204}
    assert len(await stored(shared, name, 2)) == 2
    readings = [{"series": name, "plan": 1, "fact": 2, "ts": SECOND}, {"series": name, "plan": 3}]
    again = await shared.http.post("/readings", json=readings, headers=key)
    assert again.json() == {"written": 0, "duplicate": True}
    other = await write(shared, f"{name} plan=4", headers=key)
    assert (other.status_code, other.json()["code"]) == (422, "unprocessable entity")


@asynccontextmanager
async def full(engine: Engine, schema: str) -> AsyncIterator[tuple[Running, Callable[[], Awaitable[None]]]]:
    """A service that has no room for another reading until it is released, since the only one waits for a lock."""
    async with running(settings_for(engine, schema, queue_readings=1)) as service, connected(engine, schema) as con:
        lock = con.transaction()
        await lock.start()
        await con.execute("lock table batch, reading")
        held = asyncio.create_task(service.http.post("/readings", json={"plan": 1}))
        await until(lambda: service.parts.metrics.registry.get_sample_value("taktline_waiting_readings") == 1)
        yield service, lock.rollback
        assert (await held).status_code == 200


async def test_overload_is_a_503_that_says_when_to_come_again(engine: Engine, schema: str) -> None:
    async with full(engine, schema) as (service, release):
        for path, told in (("/write", "error"), ("/api/v2/write", "message")):
            answer = await write(service, "a plan=1", path)
            assert answer.status_code == 503
            assert float(answer.headers["retry-after"]) > 0
            assert "1 reading waits to be written" in answer.json()[told]
        await release()


async def test_too_fast_is_429(engine: Engine, schema: str) -> None:
    async with running(settings_for(engine, schema, ingest_rate=1)) as service:
        assert (await write(service, "a plan=1\nb plan=2\nc plan=3")).status_code == 204
        answer = await write(service, "a plan=1")
        assert (answer.status_code, answer.json()["code"]) == (429, "too many requests")
        assert float(answer.headers["retry-after"]) >= 1


async def test_what_clients_look_at_first(shared: Running) -> None:
    for method in ("GET", "HEAD"):
        answer = await shared.http.request(method, "/ping")
        assert (answer.status_code, answer.content) == (204, b"")
        assert answer.headers["x-influxdb-version"]
    answer = await shared.http.get("/health")
    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["name"]) == ("pass", "taktline")
    assert (await shared.http.get("/status")).status_code == 204
    answer = await shared.http.get("/ping", params={"verbose": "true"})
    assert (answer.status_code, answer.json()) == (200, {"version": answer.headers["x-influxdb-version"]})


async def test_health_says_what_is_wrong(shared: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared.parts.writer.standstill, "why", "The database is away.")
    answer = await shared.http.get("/health")
    assert (answer.status_code, answer.json()["status"]) == (503, "fail")
    assert answer.json()["message"] == "The database is away."


async def test_telegraf_with_its_output_for_version_1(shared: Running, name: str) -> None:
    """https://github.com/influxdata/telegraf/tree/master/plugins/outputs/influxdb"""
    form = {**TELEGRAF, "Content-Type": "application/x-www-form-urlencoded", "Authorization": "Basic Z3V5OnNtaWxleQ=="}
    answer = await shared.http.post("/query", data={"q": 'CREATE DATABASE "telegraf"'}, headers=form)
    assert answer.status_code == 200
    assert "error" not in answer.json()["results"][0]
    body = gzip.compress(f"{name},host=a plan=40i,fact=38i {SECOND}000000000\n".encode())
    for query in ("db=telegraf", "consistency=all&db=telegraf&rp=a"):
        headers = {**TELEGRAF, "Content-Encoding": "gzip"}
        answer = await write(shared, body, f"/write?{query}", headers=headers)
        assert answer.status_code == 204
    # the second request repeats the first, as after a lost answer
    assert [item["plan"] for item in await stored(shared, name, 1)] == [40]


async def test_a_body_with_times_is_written_once_and_one_without_each_time(shared: Running, name: str) -> None:
    for number in (1, 2):
        for _ in range(2):
            timed = f"{name} plan={number},fact=1 {SECOND + number}000000000\n".encode()
            assert (await write(shared, timed, "/write")).status_code == 204
            assert (await write(shared, f"{name} plan=7,fact=1\n".encode(), "/write")).status_code == 204
    assert sorted(item["plan"] for item in await stored(shared, name, 6)) == [1, 2, 7, 7, 7, 7]


async def test_telegraf_with_its_output_for_version_2(shared: Running, name: str) -> None:
    """https://github.com/influxdata/telegraf/tree/master/plugins/outputs/influxdb_v2"""
    lines = f"cpu,cpu=cpu0,host=box,series={name} usage_idle=97.2,usage_user=1i,plan=3u {SECOND}000000000\n"
    headers = {**TELEGRAF, "Content-Encoding": "gzip", "Authorization": "Token secret"}
    answer = await write(
        shared, gzip.compress(lines.encode()), "/api/v2/write?bucket=telegraf&org=influxdata", headers=headers
    )
    assert answer.status_code == 204
    [item] = await stored(shared, name, 1)
    assert item["plan"] == 3
    assert item["attributes"] == {
        "cpu": "cpu0",
        "host": "box",
        "measurement": "cpu",
        "usage_idle": 97.2,
        "usage_user": 1,
    }


async def client(shared: Running, use: Callable[[InfluxDBClient], None]) -> None:
    """Use the official client in a thread of its own."""

    def run() -> None:
        with InfluxDBClient(url=shared.url, token="any", org="any", timeout=20_000, enable_gzip=True) as one:
            use(one)

    await asyncio.to_thread(run)


async def test_the_official_client_writes(shared: Running, name: str) -> None:
    def use(one: InfluxDBClient) -> None:
        assert one.ping()
        assert one.version()
        with one.write_api(write_options=SYNCHRONOUS) as api:
            point = Point("shop floor").tag("series", name).tag("who", "a, b=c").field("plan", 40).field("fact", 38.5)
            api.write(
                "bucket", record=point.field("note", 'a "b"\\\nc').field("ok", True).time(SECOND, WritePrecision.S)
            )
            api.write("bucket", record={"measurement": name, "fields": {"plan": 2}})
            api.write("bucket", record=[f"{name} plan=3", f"{name} plan=4 {SECOND}"], write_precision=WritePrecision.S)

    await client(shared, use)
    items = await stored(shared, name, 4)
    assert sorted(item["plan"] for item in items) == [2, 3, 4, 40]
    [item] = [item for item in items if item["plan"] == 40]
    assert item["fact"] == 38.5
    assert item["attributes"] == {"measurement": "shop floor", "who": "a, b=c", "note": 'a "b"\\\nc', "ok": True}


async def test_the_official_client_writes_in_batches(shared: Running, name: str) -> None:
    failed: list[Exception] = []

    def use(one: InfluxDBClient) -> None:
        options = WriteOptions(batch_size=500, flush_interval=100)
        with one.write_api(options, error_callback=lambda _, __, error: failed.append(error)) as api:
            for number in range(2000):
                api.write(
                    "bucket", record=Point("reading").tag("series", name).field("plan", number).field("fact", 0.5)
                )

    await client(shared, use)
    assert failed == []
    assert sorted(item["plan"] for item in await stored(shared, name, 1000))[:1] == [1000]
    answer = await shared.http.get("/chart", params={"series": name, "format": "json"})
    assert sum(bucket["readings"] for bucket in answer.json()["buckets"]) == 2000


async def test_the_official_client_understands_refusals(shared: Running) -> None:
    def use(one: InfluxDBClient) -> None:
        with one.write_api(write_options=SYNCHRONOUS) as api, pytest.raises(ApiException) as caught:
            api.write("bucket", record="a plan=1\nb plan=x")
        assert caught.value.status == 400
        assert InfluxDBError(caught.value.response).message.startswith("line 2: unable to parse 'b plan=x'")

    await client(shared, use)


async def test_the_official_client_tries_again_when_told_to(engine: Engine, schema: str) -> None:
    def use(one: InfluxDBClient) -> None:
        with one.write_api(WriteOptions(batch_size=1, retry_interval=100)) as api:
            api.write("bucket", record="a plan=5")

    async with full(engine, schema) as (service, release):
        using = asyncio.create_task(client(service, use))
        async with asyncio.timeout(10):
            while not await counted(service, "/api/v2/write", "overloaded"):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        await release()
        await using
        assert [item["plan"] for item in await stored(service, "a", 1)] == [5]


async def test_a_script_that_looks_for_its_bucket_finds_it(shared: Running) -> None:
    """It looks for the bucket, or for the organisation in which to create it, before it writes."""

    def use(one: InfluxDBClient) -> None:
        found = one.buckets_api().find_bucket_by_name("shop floor")
        assert (found.name, found.retention_rules) == ("shop floor", [])
        [org] = one.organizations_api().find_organizations(org="any")
        assert org.name == "any"
        made = one.buckets_api().create_bucket(bucket_name="new", org="any")
        assert (made.name, made.org_id, made.type) == ("new", org.id, "user")
        assert one.buckets_api().find_buckets().buckets == []

    await client(shared, use)


async def test_what_is_no_bucket_is_refused_as_by_version_2(shared: Running) -> None:
    for body in (b"", b"[]", b'{"name": 1}', b"\xff"):
        answer = await shared.http.post("/api/v2/buckets", content=body)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    answer = await shared.http.get("/api/v2/buckets", params={"name": "x" * 201})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert await counted(shared, "/api/v2/buckets", "malformed") == 5


async def test_a_bucket_is_small(shared: Running) -> None:
    """Its body is kept until all of it has come."""
    before = await counted(shared, "/api/v2/buckets", "too_large")
    answer = await shared.http.post("/api/v2/buckets", content=b'{"name": "new"}'.ljust(100_000))
    assert (answer.status_code, answer.json()["code"]) == (413, "request too large")
    assert await counted(shared, "/api/v2/buckets", "too_large") == before + 1


V3 = {"Accept": "application/json", "Content-Type": "text/plain; charset=utf-8", "Authorization": "Token any"}
"""The headers of influxdb3-python 0.21."""


async def test_the_client_of_version_3_writes(shared: Running, name: str) -> None:
    address = "/api/v3/write_lp?org=default&db=any&precision=nanosecond&no_sync=true"
    answer = await write(shared, f"{name} plan=1,fact=2 {SECOND}000000000", address, headers=V3)
    assert (answer.status_code, answer.content) == (204, b"")
    assert [item["ts"] for item in await stored(shared, name, 1)] == ["2023-11-14T22:13:20Z"]


async def test_the_client_of_version_3_is_told_what_was_left_out(shared: Running, name: str) -> None:
    before = await counted(shared, "/api/v3/write_lp", "invalid")
    lines = f"{name} plan=1 {SECOND}\n{name} plan=x\n{name} plan=3 {SECOND}000\nbad\n"
    answer = await write(shared, lines, "/api/v3/write_lp?db=any", headers=V3)
    assert answer.status_code == 400
    item = {
        "original_line": f"{name} plan=x",
        "line_number": 2,
        "error_message": "plan: 'x' isn't a number, boolean or quoted string (the first of 2 such lines)",
    }
    assert answer.json() == {"error": "partial write of line protocol occurred", "data": [item]}
    assert await counted(shared, "/api/v3/write_lp", "invalid") == before + 2
    # each timestamp has another precision
    assert {item["ts"] for item in await stored(shared, name, 2)} == {"2023-11-14T22:13:20Z"}


async def test_the_client_of_version_3_may_want_all_or_none(shared: Running, name: str) -> None:
    address = "/api/v3/write_lp?db=any&accept_partial=false"
    answer = await write(shared, f"{name} plan=1\n{name} plan=x\n", address, headers=V3)
    assert answer.status_code == 400
    assert answer.json() == {
        "error": "parsing failed for write_lp endpoint",
        "data": {
            "original_line": f"{name} plan=x",
            "line_number": 2,
            "error_message": "plan: 'x' isn't a number, boolean or quoted string",
        },
    }
    assert (await write(shared, f"{name} plan=7", address, headers=V3)).status_code == 204
    assert [item["plan"] for item in await stored(shared, name, 1)] == [7]
    for wrong in ("precision=minute", "accept_partial=perhaps"):
        answer = await write(shared, f"{name} plan=7", f"/api/v3/write_lp?{wrong}", headers=V3)
        assert (answer.status_code, list(answer.json())) == (400, ["error"])
