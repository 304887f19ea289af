"""Behind a real nginx that asks others who people are, with the configuration of docs/access.md."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidURI

from service.access.grants import Scope
from tests.conftest import Engine, settings_for
from tests.harness import ask, free_port, running
from tests.keyrings import add_key, bearer
from tests.nginx import PROXY, configured, shown_in

pytestmark = pytest.mark.anyio
DOCS = Path(__file__).parents[2] / "docs" / "access.md"
AROUND = 'map $http_upgrade $connection_upgrade {{ default upgrade; "" ""; }}\nserver {{ listen 80; {locations} }}'
SIGNED_IN = {"Cookie": "signed=in"}


@asynccontextmanager
async def sign_on() -> AsyncIterator[int]:
    """The port of a server that says yes to those who have a cookie."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        status = b"202 Accepted" if b"signed=in" in head else b"401 Unauthorized"
        writer.write(b"HTTP/1.1 %b\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" % status)
        await writer.drain()
        writer.close()

    port = free_port()
    async with await asyncio.start_server(answer, "127.0.0.1", port):
        yield port


async def test_people_come_by_the_proxys_key_and_producers_by_their_own(
    engine: Engine, schema: str, tmp_path: Path, name: str
) -> None:
    async with running(settings_for(engine, schema, trusted_proxies=PROXY)) as service, sign_on() as port:
        proxys = await add_key(service, "proxy", Scope.READ)
        producers = await add_key(service, "line 1", Scope.WRITE)
        locations = shown_in(DOCS).replace("http://127.0.0.1:8080;", f"{service.url};")
        locations = locations.replace("127.0.0.1:4180", f"127.0.0.1:{port}").replace("tk_of_the_proxy", proxys)
        async with configured(tmp_path, AROUND.format(locations=locations)) as url:
            ws = url.replace("http", "ws", 1)
            async with httpx.AsyncClient(base_url=url, timeout=30) as client:
                asked = await client.get("/display?per_page=1")
                assert asked.status_code == 302
                assert asked.headers["location"].startswith(f"{url}/oauth2/sign_in?rd={url}/display")
                assert (await client.get("/display", headers=SIGNED_IN)).json()["total"] == 0
                async with connect(f"{ws}/live", additional_headers=SIGNED_IN) as socket:
                    assert str(await socket.recv()).startswith("event: time")
                async with client.stream("GET", "/live", headers=SIGNED_IN) as events:
                    assert "event: time" in await anext(events.aiter_text())
                with pytest.raises(InvalidURI):  # it is led to the proxy's page
                    await connect(f"{ws}/live")
                async with connect(f"{ws}/ws", additional_headers=bearer(producers)) as socket:
                    reading = {"series": name, "plan": 1}
                    assert await ask(socket, {"id": name, "readings": [reading]}) == {"ack": name, "written": 1}
                for headers, status in ((SIGNED_IN, 401), (bearer(producers), 204)):
                    answer = await client.post("/api/v2/write", content=f"{name} plan=2", headers=headers)
                    assert answer.status_code == status
                assert (await client.get("/display", headers=SIGNED_IN)).json()["total"] == 2
