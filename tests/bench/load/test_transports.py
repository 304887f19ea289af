"""Loads over HTTP, and on the real service over each transport."""

import asyncio

import pytest

from bench.load.supply import Load, Transport
from bench.load.traffic import Course
from tests.bench.load.putting import post_office, put
from tests.harness import Running

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(("query", "more"), [("", ""), ("?db=bench", "&db=bench")])
async def test_line_protocol_goes_to_write(query: str, more: str) -> None:
    async with post_office(b"HTTP/1.1 204 No Content\r\n\r\n") as (url, heads):
        summary = await put(url + query, Load(transport="http-line", batch=10, readings=100))
    assert summary.readings == 100
    assert len(heads) == 10
    assert heads[0].startswith(f"POST /write?precision=u{more} HTTP/1.1\r\n".encode())


async def test_a_server_that_keeps_no_connection_is_served_too() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        summary = await put(url, Load(transport="http-json", batch=1, readings=5), Course(connections=1))
    assert summary.readings == 5


@pytest.mark.parametrize("transport", ["ws", "http-json", "http-ndjson", "http-line"])
async def test_the_real_service_stores_what_it_acknowledges(shared: Running, transport: Transport) -> None:
    before = await stored(shared)
    url = shared.ws if transport == "ws" else shared.url
    summary = await put(url, Load(transport=transport, batch=50, series=1, readings=1000))
    assert (summary.readings, summary.duplicates, summary.refused, summary.unanswered) == (1000, 0, 0, 0)
    assert await stored(shared) == before + 1000


async def stored(shared: Running) -> int:
    answer = await shared.http.get("/display", params={"series": "bench 0", "per_page": 1}, headers={"Accept": "*/*"})
    total = answer.json()["total"] if answer.status_code == 200 else 0
    assert isinstance(total, int)
    return total
