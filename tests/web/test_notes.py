"""Notes on the live page and the board in a real browser: marks, texts of steps, and the form in which they are
written."""

import re
import time

import pytest
from playwright.async_api import Browser, expect

from service.access.grants import Scope
from tests.browsing import faults, fill, keep, live, visiting
from tests.harness import Running
from tests.keyrings import add_key, bearer

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


@pytest.mark.parametrize("size", SIZES, ids=[str(width) for width, _ in SIZES])
async def test_a_note_is_written_in_a_row_of_the_board(browser: Browser, fresh: Running, size: tuple[int, int]) -> None:
    """The form is about the hour and the series of the row, and the note stands there at once."""
    await fill(fresh, 3)
    viewport = {"width": size[0], "height": size[1]}
    async with visiting(browser, fresh, viewport=viewport, color_scheme="dark" if size[0] == 960 else "light") as page:
        await page.goto("/board?from=-2h&until=%2B1h&split=series&tz=Asia/Kolkata")
        await expect(page.locator("#state").first).to_have_text("Live")
        rows = page.get_by_role("region", name="Rows of packing").locator("tbody tr")
        row = rows.nth(1)
        hour = (await row.locator("time").first.inner_text()).strip()
        await expect(rows.last.get_by_role("button")).to_be_hidden()
        await row.get_by_role("button", name=f"Add a note about {hour} of packing").focus()
        await page.keyboard.press("Enter")
        await expect(page.locator("#note [name=minute]")).to_have_value(re.compile(f"T{hour}$"))
        await expect(page.locator("#note [name=series]")).to_have_value("packing")
        await expect(page.locator("#note [name=note]")).to_be_focused()
        assert await faults(page) == []
        await keep(page, f"board-note-{size[0]}")
        await page.keyboard.type("film torn")
        await page.keyboard.press("Enter")
        await expect(page.locator("#noting")).to_be_hidden()
        await expect(row.locator(".notes")).to_contain_text(re.compile(rf"{hour}\s+film torn"))
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert await faults(page) == []


async def test_a_note_that_is_refused_on_the_board_is_kept_as_it_was_typed(browser: Browser, fresh: Running) -> None:
    """While the board goes on changing behind the form."""
    await fill(fresh, 2)
    async with visiting(browser, fresh, "422 (Unprocessable", "ERR_INTERNET_DISCONNECTED") as page:
        await page.goto("/board?from=-2h&series=line+1")
        await expect(page.locator("#state")).to_have_text("Live")
        await page.get_by_role("button", name="Add a note").first.click()
        await expect(page.locator("#note [name=series]")).to_have_value("line 1")
        await page.locator("#note [name=minute]").fill("2199-01-01T00:00")
        await page.locator("#note [name=note]").fill("too early")
        await page.get_by_role("button", name="Save").click()
        await expect(page.locator("#note-said")).to_contain_text("too far ahead")
        before = await page.locator("#sections").inner_html()
        await fresh.http.post("/readings", json={"ts": time.time() - 180, "series": "line 1", "fact": 900})
        await page.wait_for_function("before => document.querySelector('#sections').innerHTML !== before", arg=before)
        await expect(page.locator("#note [name=note]")).to_have_value("too early")
        await page.context.set_offline(True)
        await page.get_by_role("button", name="Save").click()
        await expect(page.locator("#note-said")).to_contain_text("can't be reached")
        await expect(page.locator("#note [name=note]")).to_have_value("too early")
        await page.context.set_offline(False)
        await page.keyboard.press("Escape")
        await page.get_by_role("button", name="Add a note").first.click()
        await expect(page.locator("#note [name=note]")).to_have_value("too early")
        await page.get_by_role("button", name="Save").click()
        await expect(page.locator(".notes").first).to_contain_text("too early")


async def test_who_may_not_write_is_offered_no_note(browser: Browser, fresh: Running) -> None:
    await fill(fresh, 2)
    await add_key(fresh, "reader", Scope.READ, key="tk_reader")
    async with visiting(browser, fresh, extra_http_headers=bearer("tk_reader")) as page:
        for address in ("/board?from=-2h", "/"):
            await page.goto(address)
            await expect(page.locator("#state")).to_have_text("Live")
            await expect(page.locator("#noting")).to_have_count(0)
            await expect(page.get_by_role("button", name="Add a note")).to_have_count(0)
