"""Leaves the wall on for a week of updates in a real browser, restarts the service and cuts the network meanwhile, and
measures the memory of the page.

The clock can't be made fast: heartbeats, and the time after which the page misses them, are real seconds on both sides.
So each minute of the week is written as soon as the page has shown the one before.
"""

import os
import shutil
import signal
import time
from asyncio import sleep
from asyncio.subprocess import Process
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from playwright.async_api import CDPSession, Page, async_playwright

from bench.service import Target
from bench.table import show
from chaos.service_process import free_port, start, until_ready

WEEK, BRIEF = 7 * 1440, 7 * 60
"""Updates that are shown."""
SERIES = 12
MISSED = 30
"""What is written of the marker while the page is cut off."""
PATIENCE = 60_000
WATCHING = """
sessionStorage.loads = 1 + Number(sessionStorage.loads ?? 0);
window.wall = { updates: 0, resumed: [], marker: () => {
  const all = [...document.querySelectorAll("section")];
  const tile = all.find((one) => one.querySelector("h2").textContent === "marker");
  return Number(tile?.querySelector(".foot b").textContent.replaceAll(",", "") ?? 0);
} };
addEventListener("DOMContentLoaded", () => {
  const board = document.querySelector("#board");
  let was = "no";
  new MutationObserver(() => wall.updates++).observe(document.querySelector("#sections"), { childList: true });
  new MutationObserver(() => {
    if (board.dataset.current === "yes" && was === "no") wall.resumed.push(wall.marker());
    was = board.dataset.current;
  }).observe(board, { attributes: true, attributeFilter: ["data-current"] });
});
"""
"""Counts in the page what it loads and shows, and notes what the marker said whenever the page took itself for current
again."""


class Wall:
    """The wall in a browser, the service that it looks at, and what has been written."""

    def __init__(self, target: Target, page: Page, session: CDPSession) -> None:
        self._target, self._page, self._session = target, page, session
        self._port, self._start = free_port(), _minute(datetime.now(UTC)) - timedelta(hours=24)
        self._service: Process | None = None
        self.url = f"http://127.0.0.1:{self._port}"
        self.written = self.marker = 0

    async def serve(self) -> None:
        """Start a replica of the service, at the address that the page knows."""
        there = {"DATABASE_URL": self._target.database_url, "DATABASE_SCHEMA": self._target.schema}
        here = {"API_HOST": "127.0.0.1", "API_PORT": str(self._port), "LOG_LEVEL": "ERROR"}
        self._service = await start("bench.wall_service", "run_server", settings={**os.environ, **there, **here})
        await until_ready(self.url)

    async def stop(self) -> None:
        if self._service is not None:
            self._service.terminate()
            await self._service.wait()

    async def open(self) -> None:
        asked = {
            "view": "wall",
            "from": self._start.isoformat(),
            "until": (self._start + timedelta(hours=25)).isoformat(),
        }
        await self._page.goto(f"{self.url}/board?{httpx.QueryParams(asked)}")
        await self.is_current("yes")

    async def write(self, http: httpx.AsyncClient, marker: float = 1) -> None:
        """Write a minute of every series."""
        at = (self._start + timedelta(minutes=self.written % 1440)).isoformat()
        rows: list[dict[str, Any]] = [{"series": "marker", "ts": at, "plan": 1, "fact": marker}]
        facts = [(self.written * 7 + one) % 12 for one in range(SERIES)]
        rows += [{"series": f"line {one}", "ts": at, "plan": 10, "fact": fact} for one, fact in enumerate(facts)]
        (await http.post("/readings", json=rows)).raise_for_status()
        self.written, self.marker = self.written + 1, self.marker + int(marker)

    async def shows_it(self) -> None:
        """Wait until the page shows what was written."""
        await self._page.wait_for_function("sum => wall.marker() >= sum", arg=self.marker, timeout=PATIENCE)

    async def is_current(self, said: str) -> None:
        await self._page.wait_for_function(
            "said => document.querySelector('#board').dataset.current === said", arg=said, timeout=PATIENCE
        )

    async def missing(self, away: Any, back: Any) -> str:
        """Keep the page from the service, and write meanwhile: when the page was grey, and for how long it took old
        numbers for current when it came back."""
        before = time.monotonic()
        await away()
        await self.is_current("no")
        noticed = time.monotonic() - before
        async with self._target.client() as http:
            await self.write(http, MISSED)
        seen = len(await self._page.evaluate("wall.resumed"))
        await back()
        await self.is_current("yes")
        again = time.monotonic()
        await self.shows_it()
        late = time.monotonic() - again
        resumed = (await self._page.evaluate("wall.resumed"))[seen:]
        old = [one for one in resumed if one < self.marker]
        return f"grey after {noticed:.1f} s" + (f"; then {late:.1f} s with what was known before" if old else "")

    async def restart(self) -> str:
        return "restarted: " + await self.missing(self.stop, self.serve)

    async def cut(self) -> str:
        context = self._page.context
        return "offline: " + await self.missing(lambda: context.set_offline(True), lambda: context.set_offline(False))

    async def fall_silent(self) -> str:
        """Stop the process of the service, whose connections stay open."""
        assert self._service is not None
        process = self._service

        async def away() -> None:
            process.send_signal(signal.SIGSTOP)

        async def back() -> None:
            process.send_signal(signal.SIGCONT)
            await sleep(0)

        return "silent: " + await self.missing(away, back)

    async def figures(self) -> list[str]:
        """What the page holds, after a garbage collection."""
        await self._session.send("HeapProfiler.collectGarbage")
        found = (await self._session.send("Performance.getMetrics"))["metrics"]
        of = {one["name"]: one["value"] for one in found}
        updates, loads = await self._page.evaluate("[wall.updates, Number(sessionStorage.loads)]")
        heap, nodes, listeners = of["JSHeapUsedSize"] / 2**20, of["Nodes"], of["JSEventListeners"]
        return [f"{updates:,}", f"{heap:.2f} MB", f"{nodes:.0f}", f"{listeners:.0f}", str(loads)]


async def measure(target: Target) -> None:
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        print("There is no Chromium here; CHROMIUM names one.")
        return
    count = target.readings or (BRIEF if target.brief else WEEK)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        page = await browser.new_page(viewport={"width": 1920, "height": 1080})
        await page.add_init_script(WATCHING)
        session = await page.context.new_cdp_session(page)
        await session.send("Performance.enable")
        wall = Wall(target, page, session)
        try:
            rows = await _week(wall, count)
        finally:
            await wall.stop()
            await browser.close()
    head = ["minutes", "updates shown", "JS heap", "DOM nodes", "listeners", "loads", "what happened then"]
    show("The wall over a week of minutes, each shown before the next is written", head, rows)


async def _week(wall: Wall, count: int) -> list[list[str]]:
    """A row a day; at the end of each, something happens to the page."""
    await wall.serve()
    async with httpx.AsyncClient(base_url=wall.url, timeout=60) as http:
        await wall.write(http)
        await wall.open()
        rows = [["1", *await wall.figures(), ""]]
        for day in range(1, 8):
            while wall.written < count * day / 7:
                await wall.write(http)
                await wall.shows_it()
            what = wall.fall_silent if day == 4 else (wall.cut if day % 2 else wall.restart)
            rows.append([f"{wall.written:,}", *await wall.figures(), await what()])
            print(" | ".join(rows[-1]), flush=True)
    return rows


def _minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)
