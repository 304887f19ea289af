"""Clients that go while they send a body are no fault of the service's."""

import asyncio

import pytest

from tests.harness import Running

pytestmark = pytest.mark.anyio

HEAD = "POST /readings HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n"


async def test_a_client_that_goes_is_counted(fresh: Running) -> None:
    url = fresh.http.base_url
    _, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(HEAD.encode() + b'{"plan": 1')
    await writer.drain()
    await asyncio.sleep(0.3)
    writer.close()
    text = ""
    for _ in range(100):
        text = (await fresh.http.get("/metrics")).text
        if 'taktline_refused_total{reason="gone",' in text:
            break
        await asyncio.sleep(0.1)
    else:
        pytest.fail("it isn't counted")
    assert 'reason="internal"' not in text
