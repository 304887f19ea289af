"""The periods of the live page in a real browser: those of shifts, and those of one's own."""

import re
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, expect

from tests.browsing import faults, fill, keep, live, visiting
from tests.conftest import Engine, settings_for
from tests.harness import Running, running

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(240)]


@pytest.fixture
async def shifted(engine: Engine, schema: str) -> AsyncIterator[Running]:
    """A service that knows shifts."""
    shifts = "early 00:00-12:00 break 09:00-09:15; late 12:00-24:00"
    async with running(settings_for(engine, schema, shifts=shifts)) as service:
        yield service


async def test_this_shift_and_the_last_one_can_be_chosen(browser: Browser, shifted: Running) -> None:
    await fill(shifted, 30)
    async with visiting(browser, shifted) as page:
        await live(page)
        for label, word in (("This shift", "shift"), ("Last shift", "last-shift")):
            await page.get_by_text(label, exact=True).click()
            await expect(page).to_have_url(f"{shifted.url}/?period={word}")
            await expect(page.locator("#chart svg")).to_contain_text(
                re.compile(r"(early|late) shift of 20\d\d-\d\d-\d\d")
            )
            chart = page.get_by_role("link", name="Its chart alone")
            await expect(chart).to_have_attribute("href", f"/chart?shift={word}&format=html")
        # nothing is awaited of a shift that is over, so it isn't grey
        await expect(page.locator("#state")).to_have_text("Live")
        await expect(page.locator("#board")).to_have_attribute("data-current", "yes")
        await keep(page, "last-shift")
        await page.get_by_role("link", name="Records", exact=True).click()
        await expect(page).to_have_url(f"{shifted.url}/display?shift=last-shift")
        await page.get_by_role("link", name="Live", exact=True).click()
        await expect(page).to_have_url(f"{shifted.url}/?period=last-shift")


async def test_without_shifts_there_are_none_to_choose(browser: Browser, fresh: Running) -> None:
    await fill(fresh, 0.5)
    async with visiting(browser, fresh) as page:
        await live(page)
        await expect(page.get_by_text("This shift")).to_have_count(0)
        await expect(page.get_by_text("From … until")).to_be_visible()


async def test_a_period_of_ones_own_begins_with_the_one_that_is_shown(browser: Browser, fresh: Running) -> None:
    await fill(fresh)
    async with visiting(browser, fresh, viewport={"width": 390, "height": 844}, reduced_motion="reduce") as page:
        await live(page, "/?period=6h")
        start, until = (page.get_by_label(name, exact=True) for name in ("From", "Until"))
        await expect(start).to_be_hidden()
        await page.get_by_text("From … until").click()
        await expect(start).to_have_value(re.compile(r"^20\d\d-\d\d-\d\d \d\d:\d\d$"))
        shown = await start.input_value()
        await expect(page).to_have_url(re.compile(r"/\?from=20.*&until=20"))
        await start.fill("-3h")
        await page.keyboard.press("Enter")
        await expect(page).to_have_url(re.compile(r"/\?from=-3h&until=20"))
        await until.fill("-2h")
        await page.keyboard.press("Enter")
        await expect(page).to_have_url(f"{fresh.url}/?from=-3h&until=-2h")
        await expect(page.locator("#state")).to_have_text("Live")
        assert await faults(page) == []
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390
        await keep(page, "own-period")
        await until.fill("-4h")
        await page.keyboard.press("Enter")
        await expect(page.locator("#from-fault")).to_have_text("must be before until.")
        await expect(page).to_have_url(f"{fresh.url}/?from=-3h&until=-2h")
        await until.fill("")
        await page.keyboard.press("Enter")
        await expect(page).to_have_url(f"{fresh.url}/?from=-3h")
        await page.go_back()
        await expect(until).to_have_value("-2h")
        await page.go_back()
        await page.go_back()
        await expect(start).to_have_value(shown)
        await page.go_back()
        await expect(page).to_have_url(f"{fresh.url}/?period=6h")
        await expect(start).to_be_hidden()


async def test_without_scripts_the_form_asks_for_the_same(browser: Browser, fresh: Running) -> None:
    await fill(fresh, 0.5)
    async with visiting(browser, fresh, java_script_enabled=False) as page:
        await page.goto("/?series=line+2")
        await expect(page.get_by_label("From, from a calendar")).to_be_hidden()
        await page.get_by_text("From … until").click()
        await page.get_by_label("From, from a calendar").fill("2026-01-31T14:05")
        await page.get_by_label("Until, from a calendar").fill("2026-01-31T22:05")
        await page.get_by_role("button", name="Show").click()
        ends = "from=2026-01-31+14%3A05&until=2026-01-31+22%3A05"
        await expect(page).to_have_url(f"{fresh.url}/?series=line+2&{ends}")
        await expect(page.get_by_label("From", exact=True)).to_have_value("2026-01-31 14:05")
        await expect(page.get_by_role("link", name="Its chart alone")).to_have_attribute(
            "href", f"/chart?series=line+2&{ends}&format=html"
        )
        await keep(page, "own-period-without-scripts")
        await page.get_by_text("6 hours").click()
        await page.get_by_role("button", name="Show").click()
        await expect(page).to_have_url(f"{fresh.url}/?period=6h&series=line+2")
