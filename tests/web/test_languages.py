"""The pages in other languages in a real browser: what arrives while they are open is in the language as well."""

import re
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from tests.browsing import PATIENCE, faults, fill, keep, live, visiting
from tests.harness import Running

pytestmark = pytest.mark.anyio

ARABIC, HEBREW = "خط الإنتاج 3", "קו ייצור 7"
LIVE = {"de": "Live", "ru": "В реальном времени"}
BEHIND = {"de": r"[\d.,]+ Rückstand", "ru": r"отставание [\d\u00a0,]+"}


@pytest.mark.parametrize(("code", "locale"), [("de", "de-AT"), ("ru", "ru-RU")])
async def test_the_live_page_keeps_the_language_of_the_browser(
    browser: Browser, fresh: Running, code: str, locale: str
) -> None:
    await fill(fresh, 0.5)
    async with visiting(browser, fresh, locale=locale) as page:
        await page.goto("/")
        await expect(page.locator("#state")).to_have_text(LIVE[code], timeout=PATIENCE)
        await page.wait_for_selector("#chart svg")
        assert await page.evaluate("document.documentElement.lang") == code
        over = (datetime.now(UTC) - timedelta(minutes=2)).isoformat()
        rows = [{"ts": over, "plan": 1234567}, {"series": HEBREW, "fact": 1}]
        await fresh.http.post("/readings", json=rows)
        await expect(page.locator("#totals .short").first).to_have_text(re.compile(BEHIND[code]), timeout=PATIENCE)
        await expect(page.locator("#records bdi", has_text=HEBREW)).to_have_count(1)
        assert {"de": "Soll", "ru": "План"}[code] in await page.locator("#totals dt").first.inner_text()
        legend = {"de": "Ist unter Soll", "ru": "факт меньше, чем план"}[code]
        await expect(page.locator("#chart")).to_contain_text(legend)
        assert await faults(page) == []


@pytest.mark.parametrize(("code", "width"), [("de", 390), ("ru", 390), ("de", 960), ("ru", 1920)])
async def test_nothing_is_wider_than_the_screen(browser: Browser, fresh: Running, code: str, width: int) -> None:
    await fill(fresh, 0.5)
    size: Any = {"width": width, "height": 900}
    async with visiting(browser, fresh, viewport=size, color_scheme="dark") as page:
        for path in ("/", "/display", "/corrections", "/board", "/sign-in", "/board?view=wall&from=-1h&until=%2B1h"):
            await page.goto(f"{path}{'&' if '?' in path else '?'}lang={code}")
            await page.wait_for_load_state("networkidle")
            assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
            await keep(page, f"{code}-{width}-{path.strip('/').partition('?')[0] or 'home'}")


@pytest.mark.parametrize("width", [360, 768, 1280, 1600])
@pytest.mark.parametrize("code", ["en", "de", "ru"])
async def test_what_belongs_together_stands_in_a_line(browser: Browser, fresh: Running, code: str, width: int) -> None:
    """How the fact is compared and added up; and on screens that are wide enough, each total with its value."""
    await fill(fresh)
    async with visiting(browser, fresh, locale=code, viewport={"width": width, "height": 900}) as page:
        await page.goto("/?period=6h")
        await page.wait_for_selector("#chart svg")
        boxes = [await page.locator(f"#view [name={name}]").bounding_box() for name in ("plan", "cumulative")]
        assert len({box and box["y"] for box in boxes}) == 1
        if width >= 1280:
            heights = await page.evaluate("[...document.querySelectorAll('#totals dd')].map((one) => one.offsetHeight)")
            assert (len(heights), len(set(heights))) == (5, 1)


async def test_a_choice_keeps_the_language_of_the_address(browser: Browser, fresh: Running) -> None:
    await fill(fresh, 0.5)
    async with visiting(browser, fresh, locale="en-GB") as page:
        await page.goto("/?lang=de")
        await expect(page.locator("#state")).to_have_text("Live", timeout=PATIENCE)
        await page.locator(".periods label", has_text="6 Stunden").click()
        await expect(page).to_have_url(re.compile(r"[?&]lang=de(&|$)"))
        await expect(page).to_have_url(re.compile("period=6h"))
        await expect(page.locator("#chart")).to_contain_text("bis")
        await expect(page.locator("a", has_text="Alle Einträge")).to_have_attribute("href", re.compile("lang=de"))
        await page.go_back()
        await expect(page.locator("#age")).to_have_text(re.compile("Neuester Messwert"))
        await page.locator(".periods label", has_text="Von … bis").click()
        await page.locator("[name=from]").fill("gestern")
        await page.locator("[name=from]").press("Enter")
        await expect(page.locator("#from-fault")).to_have_text(
            "'gestern' ist keine Zeitangabe. Schreiben Sie etwa 2026-01-31 14:05, -2h, yesterday oder 6pm friday."
        )
        await page.locator("nav a", has_text="Tafel").click()
        await expect(page.locator("h1")).to_have_text("Alle Reihen")


async def test_the_board_and_the_wall_stay_german(browser: Browser, fresh: Running) -> None:
    minute = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=2)
    rows = [{"series": one, "ts": minute.isoformat(), "plan": 10, "fact": 8} for one in (ARABIC, HEBREW)]
    await fresh.http.post("/readings", json=rows)
    async with visiting(browser, fresh, locale="de-DE") as page:
        await page.goto("/board?from=-1h&until=%2B1h")
        await expect(page.locator("#state")).to_have_text("Live", timeout=PATIENCE)
        more = {"series": ARABIC, "ts": (minute - timedelta(minutes=1)).isoformat(), "plan": 5000, "note": "Folie"}
        await fresh.http.post("/readings", json=more)
        await expect(page.locator(".board-tiles dd").first).to_contain_text("5.004 Rückstand", timeout=PATIENCE)
        assert await faults(page) == []
        await page.goto("/board?view=wall&from=-1h&until=%2B1h")
        await expect(page.locator("#board")).to_have_attribute("data-current", "yes", timeout=PATIENCE)
        await expect(page.locator("h2", has_text=ARABIC)).to_have_count(1)
        await fresh.http.post("/readings", json={**more, "ts": (minute - timedelta(minutes=2)).isoformat()})
        await expect(page.locator("section", has_text=ARABIC).locator(".gap")).to_contain_text("−10.002Rückstand")


async def test_names_from_right_to_left_break_nothing(browser: Browser, fresh: Running) -> None:
    now = time.time()
    rows = [{"series": one, "ts": now - 60 * n, "plan": 10, "fact": 9} for one in (ARABIC, HEBREW) for n in range(30)]
    await fresh.http.post("/readings", json=[*rows, {"series": HEBREW, "ts": now - 120, "note": "החומר נגמר (3)"}])
    async with visiting(browser, fresh, viewport={"width": 390, "height": 900}) as page:
        await live(page)
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        await page.locator(".pick summary").click()
        await expect(page.locator(".choices bdi")).to_have_text([HEBREW, ARABIC])
        # each name stands where it would stand if it were written from left to right: at the left end of its cell
        left = await page.locator("td.series").evaluate_all(
            "cells => cells.map((cell) => cell.firstChild.getClientRects()[0].left - cell.getClientRects()[0].left)"
        )
        assert max(left) < 20
        await keep(page, "right-to-left")
