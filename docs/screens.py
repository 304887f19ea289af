"""Takes the pictures of pages in the README and in docs/day.md: `make screens`, with Chromium. The service runs by
itself, on the embedded engine or on the server in SCREENS_DATABASE_URL, in a zone in which it is late in the morning
now."""

import asyncio
import io
import os
import random
import shutil
import tempfile
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
from PIL import Image
from playwright.async_api import Browser, async_playwright

from chaos.service_process import free_port, start, until_ready

DOCS = Path(__file__).parent
ZONES = (
    *("Europe/Berlin", "America/New_York", "America/Los_Angeles", "Asia/Tokyo", "Asia/Kolkata", "Asia/Dhaka"),
    *("Asia/Bangkok", "Pacific/Auckland", "Pacific/Honolulu", "America/Sao_Paulo", "Atlantic/Azores", "Asia/Dubai"),
    *("Pacific/Noumea", "Pacific/Pago_Pago", "Pacific/Gambier", "America/Denver", "Africa/Nairobi"),
)
HOURS = range(11, 13)
"""By the clock of the zone that is chosen."""
SHIFTS = "early 06:00-14:00 break 10:00-10:15; late 14:00-22:00"
LINES = {"line 1": (5, 1.02), "line 2": (4, 0.985), "packing": (9, 0.97), "press 4": (2, 0.9)}
"""The plan of a minute, and the share of it that is made."""
SCREENS: dict[str, tuple[str, tuple[int, int], str]] = {
    "live.png": ("/?period=shift&series=line+2", (1200, 1060), "light"),
    "records.png": ("/display?until=now&series=line+2", (1200, 720), "dark"),
    "day/board.png": ("/board?series=line+2", (1200, 760), "light"),
    "day/live.png": ("/?period=shift&series=line+2&cumulative=period", (1200, 930), "light"),
    "day/wall.png": ("/board?view=wall", (1280, 720), "light"),
}
"""File -> the address, the size, and the colours."""
ARGUMENTS = ["--no-sandbox", "--disable-gpu"]
READY = {"/": "#chart svg", "/board": "#board[data-current=yes]", "/display": "table.records"}


def zone_of_morning(now: datetime) -> str:
    """The first of ZONES in which it is one of HOURS."""
    return next((zone for zone in ZONES if now.astimezone(ZoneInfo(zone)).hour in HOURS), ZONES[0])


def readings(zone: str, now: datetime) -> list[dict[str, Any]]:
    """A shift, planned to its end and made until now, in which line 2 stood still for a while."""
    chance = random.Random(4)  # noqa: S311
    begin = now.astimezone(ZoneInfo(zone)).replace(hour=6, minute=0, second=0, microsecond=0)
    made: list[dict[str, Any]] = []
    for series, (plan, share) in LINES.items():
        for minute in range(480):
            at = begin + timedelta(minutes=minute)
            one: dict[str, Any] = {"series": series, "ts": at.isoformat(), "plan": plan}
            stands = series == "line 2" and 151 <= minute < 168
            if at < now - timedelta(seconds=5) and not stands:
                one |= {"fact": round(plan * share + chance.uniform(-0.75, 0.75)), "order": 4711 + minute // 90}
            if minute not in range(240, 255):  # the break
                made.append(one)
    note = {"series": "line 2", "ts": (begin + timedelta(minutes=151)).isoformat()}
    return [*made, {**note, "note": "film torn, splice (M. on it)"}]


async def take(browser: Browser, url: str, zone: str, name: str) -> None:
    """Take a picture, with a palette of its own."""
    address, (width, height), scheme = SCREENS[name]
    looks: dict[str, Any] = {"color_scheme": scheme, "viewport": {"width": width, "height": height}}
    page = await browser.new_page(base_url=url, timezone_id=zone, **looks)
    await page.goto(address)
    await page.wait_for_selector(READY[address.partition("?")[0]])
    await asyncio.sleep(2)  # new records are highlighted for a moment
    (DOCS / name).parent.mkdir(exist_ok=True)
    taken = Image.open(io.BytesIO(await page.screenshot())).convert("RGB")
    few = taken.quantize(256, Image.Quantize.MAXCOVERAGE, kmeans=2, dither=Image.Dither.NONE)
    few.save(DOCS / name, optimize=True)
    await page.close()


async def main() -> None:
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    now = datetime.now(UTC)
    zone, port = zone_of_morning(now), free_port()
    with tempfile.TemporaryDirectory() as data:
        settings = {"API_HOST": "127.0.0.1", "API_PORT": str(port), "CHART_TZ": zone, "SHIFTS": SHIFTS, "UNIT": "pcs"}
        settings |= {"TAKTLINE_DATA": data, "TAKTLINE_CACHE": os.environ.get("TAKTLINE_CACHE", ".taktline/cache")}
        if database := os.environ.get("SCREENS_DATABASE_URL"):
            settings |= {"DATABASE_URL": database, "DATABASE_SCHEMA": f"screens_{uuid.uuid4().hex[:8]}"}
        process = await start("service", "run_server", settings=settings | {"LOG_LEVEL": "ERROR"})
        url = f"http://127.0.0.1:{port}"
        try:
            await until_ready(url)
            async with httpx.AsyncClient(base_url=url, timeout=60) as http:
                (await http.post("/readings", json=readings(zone, now))).raise_for_status()
            async with async_playwright() as playwright:
                browser = await playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
                for name in SCREENS:
                    await take(browser, url, zone, name)
        finally:
            process.terminate()
            await process.wait()


if __name__ == "__main__":
    asyncio.run(main())
