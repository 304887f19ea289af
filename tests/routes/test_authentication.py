"""Who is let in: every address with and without keys, over every transport, and by clients as they are."""

import asyncio
import base64
import json
import logging
import shutil
import tracemalloc
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx
import pytest
from influxdb import InfluxDBClient as InfluxDBClient1
from influxdb.exceptions import InfluxDBClientError
from influxdb_client import InfluxDBClient
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.rest import ApiException
from structlog.testing import capture_logs
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedError, InvalidStatus

from service.access.grants import Scope
from service.access.guesses import AT_ONCE
from service.access.keyring import Anonymous
from service.app import OPEN_TO_ALL
from tests.conftest import Engine, dropped_schema, settings_for
from tests.emitters import Emitters
from tests.emitters import emitters as emitters  # a fixture
from tests.harness import Running, ask, counted, free_port, running, stored, until
from tests.keyrings import add_key, bearer, revoke_key
from tests.raw_http import WEBSOCKET, statuses, talk

pytestmark = pytest.mark.anyio
READ, WRITE = Scope.READ, Scope.WRITE
OPEN_ADDRESSES = ("/livez", "/readyz", "/ping", "/status", "/health", "/assets/icon.svg", "/favicon.ico", "/schema")
READERS = ("/", "/chart", "/corrections", "/display", "/readings", "/live", "/live/series", "/metrics")
WRITERS = ("/readings", "/write", "/api/v2/write", "/api/v3/write_lp")
SECOND = 1_700_000_000
WITHIN = 10
"""Seconds within which a connection ends whose key has ended. Five are promised, but not beside other tests."""


class Closed:
    """A service with keys: one may read, one may write, one may write some series, and one may do everything."""

    def __init__(self, service: Running) -> None:
        self.service, self.http = service, service.http

    async def prepare(self) -> None:
        self.reader = await add_key(self.service, "reader", READ)
        self.writer = await add_key(self.service, "writer", WRITE)
        self.some = await add_key(self.service, "hall 2", WRITE, series=("hall 2/*",))
        self.admin = await add_key(self.service, "admin", Scope.ADMIN)
        self.http.headers.update(bearer(self.admin))  # for what the tests look at; others say what they send


@pytest.fixture(scope="module")
async def closed(engine: Engine) -> AsyncIterator[Closed]:
    async with dropped_schema(engine) as schema, running(settings_for(engine, schema, tcp_port=free_port())) as service:
        made = Closed(service)
        await made.prepare()
        yield made


@pytest.fixture(scope="module")
async def opened(engine: Engine) -> AsyncIterator[Running]:
    """A service without keys."""
    async with dropped_schema(engine) as schema, running(settings_for(engine, schema, tcp_port=free_port())) as service:
        yield service


@asynccontextmanager
async def plain(service: Running) -> AsyncIterator[httpx.AsyncClient]:
    """A client that sends no key."""
    async with httpx.AsyncClient(base_url=service.url, timeout=30) as http:
        yield http


async def test_without_any_key_everything_is_open(opened: Running, name: str) -> None:
    """Whatever clients send as a key, since InfluxDB's clients have to send one."""
    for headers in ({}, bearer("any"), {"Authorization": "Token any"}):
        assert (
            await opened.http.post("/readings", json={"plan": 1, "series": name}, headers=headers)
        ).status_code == 200
        assert (await opened.http.get("/display", headers=headers)).status_code == 200
    await stored(opened, name, 3)


async def test_what_is_open_and_what_is_not(closed: Closed) -> None:
    async with plain(closed.service) as http:
        for address in OPEN_ADDRESSES:
            assert (await http.get(address, follow_redirects=True)).is_success, address
            assert (await http.get(address, headers=bearer("tk_wrong"), follow_redirects=True)).is_success, address
        for method, address in [*(("GET", one) for one in READERS), *(("POST", one) for one in WRITERS)]:
            before = await counted(closed.service, address, "no_key")
            answer = await http.request(method, address, content=b"{}")
            assert answer.status_code == 401, (method, address)
            assert answer.headers["www-authenticate"].startswith(("Bearer realm=", "Basic realm="))
            assert await counted(closed.service, address, "no_key") == before + 1
        assert (await http.get("/nowhere")).status_code == 404
        assert (await http.options("/readings")).status_code == 204
        assert (await http.head("/display")).status_code == 401


async def test_a_scope_is_needed(closed: Closed) -> None:
    async with plain(closed.service) as http:
        for address in READERS:
            if address != "/live":
                assert (await http.get(address, headers=bearer(closed.reader))).status_code == 200, address
            answer = await http.get(address, headers=bearer(closed.writer))
            assert answer.status_code == 403, address
            assert answer.json()["detail"] == "The key 'writer' has not the scope read, which this needs."
            assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]
        for address in WRITERS:
            answer = await http.post(address, content=b"a plan=1", headers=bearer(closed.reader))
            assert answer.status_code == 403, address
        before = await counted(closed.service, "/readings", "forbidden")
        assert (await http.post("/readings", json={}, headers=bearer(closed.reader))).status_code == 403
        assert await counted(closed.service, "/readings", "forbidden") == before + 1


async def test_every_address_says_what_it_needs(closed: Closed) -> None:
    """The OpenAPI document, made of what the routes say."""
    document = (await closed.http.get("/schema/openapi.json")).json()
    assert document["components"]["securitySchemes"].keys() == {"bearer", "basic"}
    needed = {
        (method, path): operation.get("security")
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    }
    for (method, path), security in needed.items():
        if path in ("/livez", "/readyz"):
            assert security is None
            continue
        scope = {"get": "read", "post": "write"}.get(method, "correct")
        assert security == [{"bearer": [scope]}, {"basic": [scope]}], (method, path)
        operation = document["paths"][path][method]
        assert f"Needs a key with the scope `{scope}`." in operation["description"]
        assert operation["responses"].keys() >= {"401", "403", "429"}, (method, path)


async def test_a_body_is_not_read_before_the_key(closed: Closed) -> None:
    head = b"POST /readings HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"
    place = httpx.URL(closed.service.url)
    reader, writer = await asyncio.open_connection(place.host, place.port)
    writer.write(head)
    assert b" 401 " in await asyncio.wait_for(reader.readuntil(b"\r\n"), 10)
    writer.close()


async def test_series_are_covered_by_the_key(closed: Closed, name: str) -> None:
    ours, theirs = f"hall 2/{name}", f"hall 1/{name}"
    async with plain(closed.service) as http:
        http.headers.update(bearer(closed.some))
        assert (await http.post("/readings", json={"plan": 1, "series": ours})).status_code == 200
        both = [{"plan": 1, "series": ours}, {"plan": 1, "series": theirs}]
        before = await counted(closed.service, "/readings", "forbidden")
        answer = await http.post("/readings?partial=true", json=both)
        assert answer.status_code == 403
        assert answer.json()["detail"] == f"The key 'hall 2' doesn't cover the series {theirs!r}."
        assert await counted(closed.service, "/readings", "forbidden") == before + 1
        answer = await http.post("/write", content=f"x,series={theirs.replace(' ', chr(92) + ' ')} plan=1")
        assert (answer.status_code, list(answer.json())) == (403, ["error"])
        assert (await http.post("/readings", json={"plan": 1})).status_code == 403  # series default
    async with connect(closed.service.ws, additional_headers=bearer(closed.some)) as socket:
        assert (await ask(socket, {"id": name, "readings": both}))["id"] == name
        assert (await ask(socket, {"plan": 1, "series": theirs}))["error"]["status"] == 403
        ack = await ask(socket, {"id": name, "readings": both[:1]})
        assert ack == {"ack": name, "written": 1}
    assert len(await stored(closed.service, ours, 2)) == 2
    assert await stored(closed.service, theirs, 0) == []


async def test_a_rate_of_its_own(closed: Closed) -> None:
    slow = await add_key(closed.service, "slow", WRITE, rate=50)
    async with plain(closed.service) as http:
        readings = [{"plan": 1}] * 200
        assert (await http.post("/readings", json=readings, headers=bearer(slow))).status_code == 200
        answer = await http.post("/readings", json=readings, headers=bearer(slow))
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "3")
        assert (await http.post("/readings", json={}, headers=bearer(closed.writer))).status_code == 200


@pytest.mark.parametrize(
    "header",
    ["Bearer {}", "Token {}", "Token eva:{}", "basic eva", "basic "],
)
async def test_the_ways_to_send_a_key(closed: Closed, header: str) -> None:
    if header.startswith("basic"):
        text = f"{header.removeprefix('basic ')}:{closed.reader}"
        header = f"Basic {base64.b64encode(text.encode()).decode()}"
    async with plain(closed.service) as http:
        answer = await http.get("/metrics", headers={"Authorization": header.format(closed.reader)})
    assert answer.status_code == 200
    assert closed.reader not in answer.text


async def test_long_headers_are_not_kept(closed: Closed) -> None:
    """A user may have any name beside the key."""
    async with plain(closed.service) as http:
        await ask_as(http, "x", closed.reader)
        tracemalloc.start()
        try:
            before = tracemalloc.get_traced_memory()[0]
            for number in range(100):
                await ask_as(http, f"{number}" + "x" * 30_000, closed.reader)
            grown = tracemalloc.get_traced_memory()[0] - before
        finally:
            tracemalloc.stop()
    assert grown < 2_000_000


async def ask_as(http: httpx.AsyncClient, user: str, key: str) -> None:
    assert (await http.get("/livez", auth=(user, key))).status_code == 200


async def test_errors_in_the_form_of_each_address(closed: Closed) -> None:
    async with plain(closed.service) as http:
        answer = await http.get("/display")
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["detail"] == "This needs a key with the scope read."
        answer = await http.get("/display?page=2", headers={"Accept": "text/html"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=%2Fdisplay%3Fpage%3D2")
        answer = await http.get("/display", headers={"Accept": "text/html", **bearer(closed.writer)})
        assert (answer.status_code, answer.headers["content-type"]) == (403, "text/html; charset=utf-8")
        assert "has not the scope read" in answer.text
        answer = await http.get("/chart", headers={"Accept": "image/avif,image/webp,*/*"})
        assert (answer.status_code, answer.headers["content-type"]) == (401, "image/svg+xml")
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-chart-error"] == "This needs a key with the scope read."
        answer = await http.post("/write", content=b"a plan=1")
        assert (answer.status_code, answer.json()) == (401, {"error": "This needs a key with the scope write."})
        assert answer.headers["www-authenticate"].startswith("Basic realm=")
        assert answer.headers["x-influxdb-version"]
        answer = await http.post("/api/v2/write", content=b"a plan=1")
        assert answer.json() == {"code": "unauthorized", "message": "This needs a key with the scope write."}
        answer = await http.post("/write?u=eva&p=tk_secret", content=b"a plan=1")
        assert answer.status_code == 401
        assert "tk_secret" not in answer.text + str(answer.headers)


async def test_readyz_tells_details_to_those_who_have_a_key(closed: Closed) -> None:
    async with plain(closed.service) as http:
        assert (await http.get("/readyz")).json() == {"status": "ready"}
        assert "engine" in (await http.get("/readyz", headers=bearer(closed.writer))).json()


async def test_influxdb_1(closed: Closed, name: str) -> None:
    """Its client, with the key as the password; and the parameters u and p, which curl and Telegraf can send."""
    place = httpx.URL(closed.service.url)
    points = [{"measurement": name, "fields": {"plan": 1.0}}]

    def write(password: str) -> None:
        client = InfluxDBClient1(place.host, place.port, "eva", password, database="any")
        client.create_database("any")
        assert client.write_points(points)

    await asyncio.to_thread(write, closed.writer)
    with pytest.raises(InfluxDBClientError) as caught:
        await asyncio.to_thread(write, "tk_wrong")
    assert caught.value.code == 401
    async with plain(closed.service) as http:
        answer = await http.post("/write", params={"db": "x", "u": "eva", "p": closed.writer}, content=f"{name} plan=2")
        assert answer.status_code == 204
    await stored(closed.service, name, 2)


async def test_influxdb_2_and_3(closed: Closed, name: str) -> None:
    def write(token: str) -> None:
        with InfluxDBClient(url=closed.service.url, token=token, org="any") as client:
            client.write_api(write_options=SYNCHRONOUS).write(bucket="any", record=f"{name} plan=1")

    await asyncio.to_thread(write, closed.writer)
    with pytest.raises(ApiException) as caught:
        await asyncio.to_thread(write, closed.reader)
    assert caught.value.status == 403
    async with plain(closed.service) as http:
        for address in ("/api/v2/buckets?name=any", "/api/v2/orgs"):  # what some scripts ask before
            for key, status in ((closed.writer, 200), (closed.reader, 200), (None, 401)):
                headers = {} if key is None else {"Authorization": f"Token {key}"}
                assert (await http.get(address, headers=headers)).status_code == status
        headers = {"Authorization": f"Token {closed.writer}"}
        assert (await http.post("/api/v2/buckets", json={"name": "any"}, headers=headers)).status_code == 201
        lines = f"{name} plan=2 {SECOND}"
        for scheme in ("Bearer", "Token"):  # InfluxDB 3's clients send Bearer
            headers = {"Authorization": f"{scheme} {closed.writer}"}
            params = {"db": "any", "precision": "second"}
            answer = await http.post("/api/v3/write_lp", params=params, content=lines, headers=headers)
            assert answer.status_code == 204
    await stored(closed.service, name, 2)


async def test_telegraf_and_prometheus(closed: Closed, name: str) -> None:
    async with plain(closed.service) as http:
        telegraf = {"User-Agent": "Telegraf/1.32.0 Go/1.23.0", "Authorization": f"Token {closed.writer}"}
        params = {"bucket": "any", "org": "any"}
        answer = await http.post("/api/v2/write", params=params, content=f"{name} plan=1", headers=telegraf)
        assert answer.status_code == 204
        prometheus = {"User-Agent": "Prometheus/3.5.0", "Accept": "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"}
        answer = await http.get("/metrics", headers=prometheus, auth=("prometheus", closed.reader))
        assert answer.text.startswith("# HELP")


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl here")
async def test_curl(closed: Closed) -> None:
    for arguments in (["-H", f"Authorization: Bearer {closed.reader}"], ["-u", f":{closed.reader}"]):
        command = ("curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", *arguments, f"{closed.service.url}/display")
        process = await asyncio.create_subprocess_exec(*command, stdout=PIPE)
        assert (await process.communicate())[0] == b"200"


async def test_the_emitter(closed: Closed, emitters: Emitters, name: str) -> None:
    arguments = ("run", "--count", "1", "--interval", "1s", "--series", name)
    status, _, log = await emitters.emit(*arguments, EMITTER_URL=closed.service.ws, EMITTER_TOKEN=closed.writer)
    assert status == 0, log
    await stored(closed.service, name, 1)
    status, _, log = await emitters.emit(*arguments, EMITTER_URL=closed.service.ws, EMITTER_TOKEN="tk_wrong")
    assert status == 77
    assert "tk_wrong" not in log


@pytest.mark.parametrize("path", ["", "ws", "live"])
async def test_a_socket_is_refused_before_its_handshake(closed: Closed, path: str) -> None:
    ours, theirs = (closed.reader, closed.writer) if path == "live" else (closed.writer, closed.reader)
    for key, status, reason in ((None, 401, "no_key"), ("tk_wrong", 401, "wrong_key"), (theirs, 403, "forbidden")):
        where = "/live" if path == "live" else "websocket"
        before = await counted(closed.service, where, reason)
        with pytest.raises(InvalidStatus) as caught:
            await connect(closed.service.ws + path, additional_headers=bearer(key) if key else None)
        response = caught.value.response
        assert response.status_code == status
        assert response.headers["www-authenticate"].startswith("Bearer")
        assert json.loads(response.body or b"")["status"] == status
        assert await counted(closed.service, where, reason) == before + 1
    async with connect(closed.service.ws + path, additional_headers=bearer(ours)):
        pass


@pytest.mark.parametrize("path", ["", "live"])
@pytest.mark.parametrize("more", [[], ["taktline.v1"]])
async def test_a_script_in_a_browser_sends_its_key_as_a_subprotocol(closed: Closed, path: str, more: list[str]) -> None:
    """A browser ends the connection unless one of the offered protocols is chosen."""
    offered: Any = [*more, f"taktline.key.{closed.reader if path else closed.writer}"]
    async with connect(closed.service.ws + path, subprotocols=offered) as socket:
        assert socket.subprotocol == offered[0]
    with pytest.raises(InvalidStatus) as caught:
        await connect(closed.service.ws + path, subprotocols=["taktline.key.tk_wrong"])  # type: ignore[list-item]
    assert caught.value.response.status_code == 401


async def test_tcp_has_no_place_for_a_key(closed: Closed) -> None:
    before = await counted(closed.service, "tcp", "no_key")
    reader, writer = await asyncio.open_connection("127.0.0.1", closed.service.parts.settings.tcp_port)
    writer.write(b'{"plan": 1}')
    with suppress(ConnectionResetError):
        assert await asyncio.wait_for(reader.read(), 10) == b""
    writer.close()
    assert await counted(closed.service, "tcp", "no_key") == before + 1


async def test_wrong_keys_are_slowed_and_right_ones_are_not(closed: Closed) -> None:
    async with plain(closed.service) as http:
        wrong = [await http.get("/display", headers=bearer(f"tk_{number}")) for number in range(AT_ONCE + 20)]
        assert wrong[0].status_code in (401, 429)  # other tests sent wrong keys, too
        assert wrong[-1].status_code == 429
        assert 1 <= int(wrong[-1].headers["retry-after"]) <= 3
        answer = await http.get("/chart", headers={**bearer("tk_x"), "Accept": "image/png"})
        assert (answer.status_code, answer.headers["content-type"]) == (429, "application/problem+json")
        assert (await http.get("/display", headers=bearer(closed.reader))).status_code == 200
    assert await counted(closed.service, "/display", "guesses") >= 1


async def test_keys_are_in_no_log(closed: Closed, caplog: pytest.LogCaptureFixture) -> None:
    key = closed.admin
    with capture_logs() as logs, caplog.at_level("DEBUG"):
        async with plain(closed.service) as http:
            await http.post("/write", params={"u": "x", "p": key}, content=b"a plan=1")
            await http.post("/write", params={"u": "x", "p": "tk_wrong"}, content=b"a plan=1")
            await http.get("/chart", params={"p": "tk_wrong"}, headers=bearer(key))
            await http.get("/display", headers=bearer("tk_wrong"))
        with pytest.raises(InvalidStatus):
            await connect(closed.service.ws, subprotocols=["taktline.key.tk_wrong"])  # type: ignore[list-item]
    clients = ("httpx", "httpcore", "websockets.client")
    assert not logging.getLogger("uvicorn.access").propagate  # nobody sees it, although pytest does
    # run/logs.py keeps everything below a warning of uvicorn's out of the log
    ours = [
        one.getMessage()
        for one in caplog.records
        if not one.name.startswith((*clients, "uvicorn.access"))
        and (one.name != "uvicorn.error" or one.levelno >= logging.WARNING)
    ]
    told = f"{logs} {ours} {(await closed.http.get('/metrics')).text}"
    assert key not in told
    assert "tk_wrong" not in told


@pytest.mark.parametrize(
    ("setting", "reads", "writes"),
    [
        (Anonymous.NONE, False, False),
        (Anonymous.READ, True, False),
        (Anonymous.WRITE, False, True),
        (Anonymous.ALL, True, True),
        (Anonymous.AUTO, True, True),
    ],
)
async def test_what_is_open_without_a_key(
    opened: Running, monkeypatch: pytest.MonkeyPatch, setting: Anonymous, reads: bool, writes: bool
) -> None:
    monkeypatch.setattr(opened.parts.keyring, "setting", setting)
    before = await opened.parts.store.records.count()
    assert (await opened.http.get("/display")).is_success == reads
    assert (await opened.http.post("/readings", json={})).is_success == writes
    reader, writer = await asyncio.open_connection("127.0.0.1", opened.parts.settings.tcp_port)
    writer.write(b"{}")
    writer.write_eof()
    with suppress(ConnectionResetError):
        await reader.read()
    writer.close()
    async with asyncio.timeout(10):
        while await opened.parts.store.records.count() != before + (2 if writes else 0):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    answer = await opened.http.get("/display", headers=bearer("tk_wrong"))
    assert answer.status_code == (200 if reads and writes else 401)


async def closing(service: Running, name: str, socket: Any) -> tuple[int, str]:
    """Revoke a key, and return how a socket ends then."""
    await revoke_key(service, name)
    with pytest.raises(ConnectionClosedError) as caught:
        async with asyncio.timeout(WITHIN):
            while True:
                await socket.recv()
    assert caught.value.rcvd is not None
    return caught.value.rcvd.code, caught.value.rcvd.reason


ENDED = (4401, "The key was revoked, or has expired.")


async def test_a_revoked_key_ends_its_socket(closed: Closed, name: str) -> None:
    """What was accepted is committed and answered before."""
    key = await add_key(closed.service, name, WRITE)
    async with connect(closed.service.ws, additional_headers=bearer(key)) as socket:
        assert await ask(socket, {"id": name, "readings": [{"plan": 1}]}) == {"ack": name, "written": 1}
        async with connect(closed.service.ws, additional_headers=bearer(closed.writer)) as other:
            assert await closing(closed.service, name, socket) == ENDED
            assert "ack" in await ask(other, {"id": f"{name} 2", "readings": []})


async def test_so_does_one_that_is_not_read(closed: Closed, name: str) -> None:
    key = await add_key(closed.service, name, WRITE)
    place = httpx.URL(closed.service.url)
    reader, writer = await asyncio.open_connection(place.host, place.port)
    writer.write(f"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n{WEBSOCKET}\r\n".encode())
    assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
    open_before = len(closed.service.parts.connections._open)
    frame = b"\x81" + bytes([0x80 | 1]) + bytes(4) + b"x"  # each is answered with an error
    writer.transport.pause_reading()  # type: ignore[attr-defined]
    writer.write(frame * 100_000)
    await revoke_key(closed.service, name)
    await until(lambda: len(closed.service.parts.connections._open) < open_before, 10)
    writer.close()


async def test_a_revoked_key_ends_the_events_of_the_live_page(closed: Closed, name: str) -> None:
    key = await add_key(closed.service, name, READ)
    async with (
        plain(closed.service) as http,
        connect(closed.service.ws + "live", additional_headers=bearer(key)) as socket,
    ):
        async with http.stream("GET", "/live", headers=bearer(key)) as answer:
            assert answer.status_code == 200
            texts = answer.aiter_text()
            assert "event: time" in await anext(texts)
            assert await closing(closed.service, name, socket) == ENDED
            async with asyncio.timeout(WITHIN):
                async for _ in texts:
                    pass
        assert (await http.get("/live", headers=bearer(key))).status_code in (401, 429)


async def test_a_revoked_key_ends_an_export(closed: Closed, name: str) -> None:
    """The connection is cut, so that nobody takes what came for the whole."""
    rows = [{"plan": 1, "series": name, "note": "x" * 4000}] * 3000
    for _ in range(2):
        assert (await closed.http.post("/readings", json=rows)).status_code == 200
    key = await add_key(closed.service, name, READ)
    async with plain(closed.service) as http:
        with pytest.raises(httpx.RemoteProtocolError):
            async with http.stream(
                "GET", "/readings", params={"series": name}, headers={**bearer(key), "Accept-Encoding": "identity"}
            ) as answer:
                parts = answer.aiter_raw()
                await anext(parts)
                await revoke_key(closed.service, name)
                await closed.service.parts.keyring.refresh()
                async for _ in parts:
                    pass


async def test_the_first_key_ends_what_was_open(engine: Engine, schema: str) -> None:
    """Until then, what is open to all is said loudly on each page, unless this machine alone reaches the service."""
    port, page = free_port(), {"Accept": "text/html"}
    async with running(settings_for(engine, schema, tcp_port=port)) as service:
        assert OPEN_TO_ALL not in (await service.http.get("/nowhere", headers=page)).text
        wide = service.parts.settings.model_copy(update={"api_host": "0.0.0.0"})
        object.__setattr__(service.parts, "settings", wide)
        assert OPEN_TO_ALL in (await service.http.get("/nowhere", headers=page)).text
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        async with connect(service.ws) as socket:
            assert await ask(socket, {"id": "1", "readings": [{}]}) == {"ack": "1", "written": 1}
            await add_key(service, "admin", Scope.ADMIN)
            with pytest.raises(ConnectionClosedError) as caught:
                await asyncio.wait_for(socket.recv(), WITHIN)
            assert caught.value.rcvd is not None
            assert caught.value.rcvd.code == 4401
        assert await asyncio.wait_for(reader.read(), WITHIN) == b""
        writer.close()
        assert OPEN_TO_ALL not in (await service.http.get("/nowhere", headers=page)).text


async def test_smuggled_keys_do_not_count(closed: Closed) -> None:
    """Of two headers the first one counts, whatever the second says."""
    first, second = (f"Authorization: Bearer {key}\r\n" for key in ("tk_wrong", closed.reader))
    text = f"GET /display HTTP/1.1\r\nHost: x\r\n{first}{second}Connection: close\r\n\r\n"
    assert statuses(await talk(closed.service, text.encode()))[0] in (401, 429)
