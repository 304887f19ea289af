"""The pages in a real browser."""

import asyncio
import re
import statistics
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from playwright.async_api import Browser, expect

from tests.browsing import faults, fill, keep, live, visiting
from tests.conftest import Engine, settings_for
from tests.harness import Running, free_port, running

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(240)]


async def test_the_first_reading_turns_the_instructions_into_a_chart(browser: Browser, fresh: Running) -> None:
    async with visiting(browser, fresh, permissions=["clipboard-read", "clipboard-write"]) as page:
        await page.goto("/")
        await expect(page.locator("#start")).to_be_visible()
        await expect(page.locator("#board")).to_be_hidden()
        assert await faults(page) == []
        await keep(page, "first")
        await page.click("#copy")
        command = await page.evaluate("navigator.clipboard.readText()")
        assert fresh.url in command
        running = await asyncio.create_subprocess_shell(f"{command} --silent")
        assert await running.wait() == 0
        await expect(page.locator("#board")).to_be_visible()
        await expect(page.locator("#records tr")).to_have_count(1)
        await page.wait_for_selector("#chart svg")


async def test_it_moves_within_a_second_without_a_reload(browser: Browser, fresh: Running) -> None:
    await fill(fresh, 0.9)
    async with visiting(browser, fresh) as page:
        await live(page, "/?period=1h")
        await page.evaluate("window.stayed = true")
        bars = await page.locator("#chart svg").inner_html()
        late = []
        for number in range(5):
            await fresh.http.post("/readings", json={"plan": 1000, "fact": 900 + number, "series": "new"})
            acknowledged = time.monotonic()
            await expect(page.locator("#records tr").first).to_contain_text(f"{900 + number}")
            late.append(time.monotonic() - acknowledged)
        assert statistics.median(late) < 1
        await expect(page.locator("#records tr.new").first).to_be_visible()
        await page.wait_for_function("before => document.querySelector('#chart svg').innerHTML !== before", arg=bars)
        assert await page.evaluate("window.stayed")


async def test_choosers_change_the_address(browser: Browser, fresh: Running) -> None:
    await fill(fresh)
    async with visiting(browser, fresh) as page:
        await live(page)
        await page.get_by_text("6 hours").click()
        await expect(page).to_have_url(f"{fresh.url}/?period=6h")
        await page.locator(".pick summary").click()
        await page.get_by_label("line 2", exact=True).check()
        await expect(page).to_have_url(f"{fresh.url}/?period=6h&series=line+2")
        await expect(page.locator("#records")).not_to_contain_text("packing")
        await page.keyboard.press("Escape")
        await page.get_by_label("Time zone").fill("Asia/Kolkata")
        await page.keyboard.press("Enter")
        await expect(page.locator("#records tr").first).to_contain_text("+05:30")
        shared = page.url
        await page.go_back()
        await expect(page.locator("#records tr").first).to_contain_text("+00:00")
        await page.goto(shared)
        await expect(page.locator("#records tr").first).to_contain_text("+05:30")
        assert await page.get_by_label("6 hours").is_checked()
        assert await page.get_by_label("line 2", exact=True).is_checked()


async def test_offline_and_back(browser: Browser, fresh: Running) -> None:
    await fill(fresh, 0.5)
    async with visiting(browser, fresh) as page:
        await live(page)
        await page.context.set_offline(True)
        await expect(page.locator("#state")).to_have_text("Offline")
        await keep(page, "offline")
        await fresh.http.post("/readings", json={"plan": 4321})
        await page.context.set_offline(False)
        await expect(page.locator("#state")).to_have_text("Live")
        await expect(page.locator("#records tr").first).to_contain_text("4,321")


async def test_it_comes_back_when_the_service_does(browser: Browser, engine: Engine, schema: str) -> None:
    settings, port = settings_for(engine, schema), free_port()
    async with AsyncExitStack() as stack:
        async with running(settings, port=port) as before:
            await fill(before, 0.5)
            page = await stack.enter_async_context(visiting(browser, before, "ERR_CONNECTION_REFUSED"))
            await live(page)
        await expect(page.locator("#state")).to_have_text("Reconnecting…")
        async with running(settings, port=port) as after:
            await after.http.post("/readings", json={"plan": 4321})
            await expect(page.locator("#state")).to_have_text("Live")
            await expect(page.locator("#records tr").first).to_contain_text("4,321")


async def test_the_table_is_paged_by_keyboard_and_without_scripts(browser: Browser, fresh: Running) -> None:
    await fill(fresh, 2)
    async with visiting(browser, fresh, java_script_enabled=False) as page:
        await page.goto("/display")
        await expect(page.locator(".summary")).to_contain_text("1–50 of 720 records")
        await page.get_by_role("link", name="Older").focus()
        await page.keyboard.press("Enter")
        await expect(page.locator(".summary")).to_contain_text("51–100 of 720 records")
        await page.get_by_role("link", name="Newer").click()
        await expect(page.locator(".summary")).to_contain_text("1–50")
        await page.get_by_label("Page", exact=True).fill("15")
        await page.keyboard.press("Enter")
        await expect(page).to_have_url(f"{fresh.url}/display?page=15")
        await expect(page.locator("tbody tr")).to_have_count(20)
        await expect(page.get_by_role("link", name="Last")).to_have_count(0)
        await page.locator(".pick summary").click()
        await page.get_by_label("packing").check()
        await page.get_by_label("From", exact=True).fill("-30min")
        await page.get_by_label("Time zone").fill("America/St_Johns")
        await page.get_by_role("button", name="Show").click()
        await expect(page).to_have_url(f"{fresh.url}/display?series=packing&from=-30min&tz=America%2FSt_Johns")
        await expect(page.locator("tbody tr").first).to_contain_text("-03:30")
        await expect(page.locator("tbody")).not_to_contain_text("line 1")
        await page.locator("details:has(pre)").first.locator("summary").click()
        await expect(page.locator("details pre").first).to_contain_text('"operator": "Öykü"')


@pytest.mark.parametrize("scripts", [True, False])
async def test_a_time_is_typed_or_picked(browser: Browser, fresh: Running, scripts: bool) -> None:
    """With scripts, a button opens a calendar, and the chosen date is put into the field; without scripts, the calendar
    is below the field. Wrong text stays in the field and can be corrected."""
    await fill(fresh, 2)
    async with visiting(browser, fresh, "400 (Bad Request)", java_script_enabled=scripts) as page:
        await page.goto("/display?tz=Asia/Kolkata")
        typed, picked = page.get_by_label("Until", exact=True), page.locator("input[type=datetime-local]").last
        button = page.get_by_role("button", name="Until: pick from a calendar")
        await page.get_by_label("From", exact=True).fill("yesteryear")
        await page.keyboard.press("Enter")
        await expect(page.locator("#from-fault")).to_contain_text("'yesteryear' isn't a time.")
        await expect(page).to_have_url(f"{fresh.url}/display?from=yesteryear&tz=Asia%2FKolkata")
        assert await page.get_by_label("From", exact=True).input_value() == "yesteryear"
        assert await page.get_by_label("Time zone").input_value() == "Asia/Kolkata"
        await page.get_by_label("From", exact=True).fill("2026-01-31T14:05")
        await typed.fill("-1h")
        assert await button.is_visible() is scripts
        if scripts:
            await button.click()
            await page.keyboard.press("Escape")
        await picked.fill("2030-01-31T14:05")
        assert await typed.input_value() == ("2030-01-31 14:05" if scripts else "-1h")
        await page.get_by_role("button", name="Show").click()
        asked = dict(parse_qsl(urlsplit(page.url).query, keep_blank_values=True))
        assert asked == {"from": "2026-01-31T14:05", "until": "2030-01-31 14:05", "tz": "Asia/Kolkata"}
        await expect(page.locator(".summary")).to_contain_text("720 records")


async def test_links_follow_what_the_live_page_shows(browser: Browser, fresh: Running) -> None:
    """Period, series and zone are kept on the way to the records and to the chart, and from the records back again."""
    await fill(fresh)
    async with visiting(browser, fresh) as page:
        await live(page, "/?period=1h")
        await page.get_by_text("6 hours").click()
        await page.locator(".pick summary").click()
        await page.get_by_label("line 2", exact=True).check()
        await page.keyboard.press("Escape")
        await page.get_by_label("Time zone").fill("Asia/Kolkata")
        await page.keyboard.press("Enter")
        await expect(page.locator("#records tr").first).to_contain_text("+05:30")
        same = "series=line+2&from=-6h&tz=Asia%2FKolkata"
        await expect(page.get_by_role("link", name="Its chart alone")).to_have_attribute(
            "href", f"/chart?{same}&format=html"
        )
        await page.get_by_role("link", name="Records", exact=True).click()
        await expect(page).to_have_url(f"{fresh.url}/display?{same}")
        await expect(page.locator(".summary")).to_contain_text("720 records")
        await page.get_by_role("link", name="Live", exact=True).click()
        await expect(page).to_have_url(f"{fresh.url}/?period=6h&series=line+2&tz=Asia%2FKolkata")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 390, 320])
async def test_pages_are_accessible_and_fit(browser: Browser, fresh: Running, scheme: Any, width: int) -> None:
    """On desktops and phones, in light and dark colours, axe-core finds nothing serious, and nothing is wider than the
    screen."""
    await fill(fresh)
    size = {"width": width, "height": 844}
    async with visiting(
        browser, fresh, "400 (Bad Request)", color_scheme=scheme, viewport=size, reduced_motion="reduce"
    ) as page:
        pages: dict[str, Callable[[], Any]] = {
            "live": lambda: live(page, "/?period=6h"),
            "records": lambda: page.goto("/display?page=2&from=-2h&tz=Europe/Berlin"),
            "nothing": lambda: page.goto("/display?until=1971-01-01"),
            "wrong": lambda: page.goto("/display?from=yesteryear&until=half+past&tz=Mars"),
        }
        for name, visit in pages.items():
            await visit()
            assert await faults(page) == []
            assert await page.evaluate("document.documentElement.scrollWidth") <= width
            await keep(page, f"{name}-{scheme}-{width}")
        ground = await page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, re.findall(r"\d+", ground)[:3])) < 300) == (scheme == "dark")


async def test_the_chart_follows_the_colour_scheme_and_the_width(browser: Browser, fresh: Running) -> None:
    await fill(fresh, 1)
    async with visiting(browser, fresh) as page:
        await live(page, "/?period=1h")
        before = await page.locator("#chart svg").inner_html()
        await page.emulate_media(color_scheme="dark")
        await page.wait_for_function("before => document.querySelector('#chart svg').innerHTML !== before", arg=before)
        await page.set_viewport_size({"width": 600, "height": 800})
        await page.wait_for_function("document.querySelector('#chart svg').clientWidth < 600")
        assert await page.evaluate("document.documentElement.scrollWidth") <= 600


async def test_every_operation_of_the_api_is_shown_and_opens(browser: Browser, fresh: Running) -> None:
    """This is the page that "API" in every header leads to."""
    document = (await fresh.http.get("/schema/openapi.json")).json()
    operations = [
        (path, method) for path, item in document["paths"].items() for method in item if method != "parameters"
    ]
    async with visiting(browser, fresh) as page:
        await page.goto("/")
        await page.get_by_role("navigation").get_by_role("link", name="API").click()
        await expect(page.locator(".info .title")).to_contain_text("Taktline")
        assert "Unable to render" not in await page.inner_text("body")
        await keep(page, "api")
        assert await page.locator(".opblock").count() == len(operations)
        for path, method in operations:
            block = page.locator(f".opblock-{method}").filter(has=page.locator(f'[data-path="{path}"]'))
            await expect(block).to_be_visible()
            await block.locator(".opblock-summary-control").click()
            await expect(block.locator(".responses-wrapper")).to_be_visible()
        await keep(page, "api-open")


BARS = """() => [...document.querySelectorAll('#chart svg path[aria-roledescription=bar]')].map(bar => {
  const {width, height} = bar.getBoundingClientRect();
  return [bar.getAttribute('aria-label'), width, height];
})"""


@pytest.mark.parametrize("width", [320, 390, 1200])
async def test_no_bar_is_left_out_of_the_live_page_or_of_a_chart_s_page(
    browser: Browser, fresh: Running, width: int
) -> None:
    """There are few readings in a long time, and values beside others that are a thousand times as large."""
    now = int(time.time() // 3600) * 3600
    readings = [{"ts": now - 9 * 3600 * number, "plan": 30 if number else 30_000, "fact": 20} for number in range(18)]
    await fresh.http.post("/readings", json=readings)
    alone = f"/chart?format=html&from=-7d&width={width}"
    for _ in range(3):  # the first page has to wait until the drawing library is made
        if (await fresh.http.get(alone)).status_code == 200:
            break
    async with visiting(browser, fresh, viewport={"width": width, "height": 900}) as page:
        for address in ("/?period=7d", alone):
            await page.goto(address)
            await page.wait_for_selector("#chart svg")
            bars = await page.evaluate(BARS)
            assert len({label for label, *_ in bars}) == 36, address  # what is missed may have a mark of the same label
            assert min(wide for _, wide, _ in bars) > 0.9, address
            assert min(high for *_, high in bars) > 0.8, address
            await keep(page, f"bars-{width}{'-alone' if address == alone else ''}")
