"""A page of another site, in a real browser, tries to write and to connect."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser

from tests.browsing import PATIENCE
from tests.conftest import Engine, settings_for
from tests.harness import Running, counted, running

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(240)]

ATTACK = """
async ([service, series]) => {
  const line = `evil,series=${series} plan=1,fact=1`;
  const reading = JSON.stringify({ series, plan: 1 });
  const simple = { method: "POST", mode: "no-cors" };
  const tried = [
    fetch(`${service}/write`, { ...simple, body: line }),
    fetch(`${service}/readings`, { ...simple, body: new Blob([reading]) }),
    fetch(`${service}/readings`, { method: "POST", headers: { "Content-Type": "application/json" }, body: reading }),
  ];
  navigator.sendBeacon(`${service}/write`, line);
  for (const [path, name, value] of [
    ["/write", `evil,series=${series} plan`, "1,fact=1"],
    ["/readings", `{"series": "${series}", "plan": 1, "x": "`, `"}`],
  ]) {
    const frame = document.createElement("iframe");
    frame.name = path;
    const loaded = new Promise((done) => { frame.onload = done; });
    document.body.append(frame);
    const form = document.createElement("form");
    Object.assign(form, { action: service + path, method: "POST", enctype: "text/plain", target: path });
    const field = document.createElement("input");
    Object.assign(field, { name, value });
    form.append(field);
    document.body.append(form);
    form.submit();
    tried.push(loaded);
  }
  const socket = (path) => new Promise((done) => {
    const opened = new WebSocket(service.replace("http", "ws") + path);
    opened.onopen = () => opened.send(JSON.stringify({ id: series, readings: [{ series }] }));
    opened.onmessage = ({ data }) => done(data);
    opened.onclose = ({ code }) => done(code);
  });
  await Promise.allSettled(tried);
  return [await socket("/"), await socket("/ws"), await socket("/live")];
}
"""


@asynccontextmanager
async def another_site() -> AsyncIterator[str]:
    """The address of an empty page on another site; browsers resolve every name that ends in .localhost."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        page = b"<!doctype html><title>another site</title>"
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n" + page)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1") as server:
        yield f"http://evil.localhost:{server.sockets[0].getsockname()[1]}/"


async def attack(browser: Browser, service: Running, page_at: str, series: str) -> list[object]:
    context = await browser.new_context()
    context.set_default_timeout(PATIENCE)
    page = await context.new_page()
    await page.goto(page_at)
    told: list[object] = await page.evaluate(ATTACK, [service.url, series])
    await context.close()
    return told


async def test_it_can_do_neither(browser: Browser, fresh: Running, name: str) -> None:
    async with another_site() as site:
        told = await attack(browser, fresh, site, name)
    assert told == [1006, 1006, 1006]
    assert await fresh.parts.store.records.count() == 0
    assert await counted(fresh, "/write", "origin") == 3  # fetch, beacon, form
    assert await counted(fresh, "/readings", "origin") + await counted(fresh, "/readings", "content_type") == 2
    assert await counted(fresh, "websocket", "origin") == 2
    assert await counted(fresh, "/live", "origin") == 1


async def test_it_can_where_it_is_trusted(browser: Browser, engine: Engine, schema: str, name: str) -> None:
    """So the test above doesn't pass because the attack is clumsy."""
    async with another_site() as site, running(settings_for(engine, schema, trusted_origins=site)) as service:
        told = await attack(browser, service, site, name)
        assert told[0] == f'{{"ack":"{name}","written":1}}'
        assert await service.parts.store.records.count() == 5  # fetch twice, beacon, form, socket
