"""Opens the pages in a real browser: the installed Chromium, or the one that CHROMIUM names. SCREENSHOTS names a folder
in which to keep pictures."""

import asyncio
import os
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from tests.harness import Running

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE = 30_000
"""Milliseconds to wait for a page; the drawing library is only made when the first page asks for it."""


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if path is None and os.environ.get("CI"):
        pytest.fail("CI needs a browser: apt-get install chromium")
    if path is None:
        pytest.skip("there is no Chromium here; on Debian and Ubuntu: apt-get install chromium")
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield opened
        await opened.close()


@asynccontextmanager
async def visiting(browser: Browser, service: Running, *known: str, **options: Any) -> AsyncIterator[Page]:
    """Open a page. Any error in its console and any request to another host fails the test, except for errors with one
    of the texts in `known`."""
    options = {"viewport": {"width": 1200, "height": 900}, "timezone_id": "Europe/Berlin", **options}
    context = await browser.new_context(base_url=service.url, **options)
    context.set_default_timeout(PATIENCE)
    complaints: list[str] = []
    watch(context, service, complaints)
    yield await context.new_page()
    await context.close()
    # the browser logs this itself when the network is cut
    expected = ("ERR_INTERNET_DISCONNECTED", *known)
    assert [text for text in complaints if not any(one in text for one in expected)] == []


def watch(context: BrowserContext, service: Running, complaints: list[str]) -> None:
    """Collect the errors of all pages of the context, and their requests to other hosts."""

    def note(bad: bool, text: str) -> None:
        if bad:
            complaints.append(text)

    context.on("console", lambda message: note(message.type in ("error", "warning"), message.text))
    context.on("weberror", lambda error: note(True, str(error.error)))
    context.on("request", lambda request: note(not request.url.startswith(service.url), request.url))


async def keep(page: Page, name: str) -> None:
    """Keep a picture of the page, for people to look at."""
    if folder := os.environ.get("SCREENSHOTS"):
        await asyncio.sleep(1.8)  # new records are highlighted for a moment
        await page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


async def fill(service: Running, hours: float = 6.5) -> None:
    """Write readings of three production lines, one of which stops for a while."""
    now = time.time()
    readings = []
    for name, plan in (("line 1", 40), ("line 2", 25), ("packing", 60)):
        for number in range(int(hours * 120)):
            ts, swing = now - 30 * number, (number * 37 % 23 - 12) / 100
            stopped = name == "line 2" and 70 < number < 95
            one = {"ts": ts, "series": name, "plan": plan, "fact": 0 if stopped else round(plan * (0.99 + swing), 1)}
            readings.append({**one, "operator": "Öykü", "shift": 2} if number % 9 == 0 else one)
    await service.http.post("/readings", json=readings)


async def live(page: Page, address: str = "/") -> None:
    """Open the live page, and wait until its chart is drawn."""
    await page.goto(address)
    await expect(page.locator("#state")).to_have_text("Live", timeout=PATIENCE)
    await page.wait_for_selector("#chart svg")


async def faults(page: Page) -> list[str]:
    """The serious faults that axe-core finds on the page."""
    found = await Axe().run(page)
    return [
        f"{one['id']}: {one['nodes'][0]['html']}"
        for one in found.response["violations"]
        if one["impact"] in ("serious", "critical")
    ]
