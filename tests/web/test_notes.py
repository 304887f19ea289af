"""Notes on the live page in a real browser: marks, texts of steps, and the form in which they are written."""

import re

import pytest
from playwright.async_api import Browser, expect

from tests.browsing import faults, fill, keep, live, visiting
from tests.harness import Running

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(240)]

SIZES = [(390, 844), (960, 900), (1920, 1080)]


@pytest.mark.parametrize("size", SIZES, ids=[str(width) for width, _ in SIZES])
async def test_a_note_is_written_by_the_keyboard_and_seen_at_once(
    browser: Browser, fresh: Running, size: tuple[int, int]
) -> None:
    await fill(fresh, 1)
    viewport = {"width": size[0], "height": size[1]}
    async with visiting(browser, fresh, viewport=viewport, color_scheme="dark" if size[0] == 960 else "light") as page:
        await live(page, "/?tz=Asia/Kolkata")
        values = page.locator("#values")
        await page.locator("#reader").focus()
        for _ in range(12):
            await page.keyboard.press("ArrowLeft")
        when = await values.locator(".when").inner_text()
        await page.locator("#noting summary").focus()
        await page.keyboard.press("Enter")
        await expect(page.locator("#note [name=minute]")).to_have_value(re.compile(f"T{when[-5:]}$"))
        await page.locator("#note [name=series]").fill("packing")
        await page.locator("#note [name=note]").fill("film torn, 12 minutes")
        await page.keyboard.press("Enter")
        await expect(page.locator("#note-said")).to_have_text("Saved.")
        await expect(page.locator('#chart [aria-roledescription="note"]')).to_have_count(1)
        await page.locator("#reader").focus()
        for _ in range(12):
            await page.keyboard.press("ArrowLeft")
        await expect(values.locator("li")).to_have_text([re.compile(r"\d\d:\d\d packing: film torn, 12 minutes")])
        assert await faults(page) == []
        await keep(page, f"note-{size[0]}")


async def test_a_note_that_is_refused_says_why(browser: Browser, fresh: Running) -> None:
    await fill(fresh, 0.5)
    async with visiting(browser, fresh, "422 (Unprocessable") as page:
        await live(page)
        await page.locator("#noting summary").click()
        await page.locator("#note [name=minute]").fill("2199-01-01T00:00")
        await page.locator("#note [name=note]").fill("too early")
        await page.get_by_role("button", name="Save").click()
        await expect(page.locator("#note-said")).to_contain_text("too far ahead")
        await expect(page.locator("#note [name=note]")).to_have_value("too early")
