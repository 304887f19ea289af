"""The choosers of the live page's chart in a real browser: what is chosen stands in the address and in the stream."""

import re
import time

import pytest
from playwright.async_api import Browser, expect

from tests.browsing import faults, fill, keep, live, visiting
from tests.harness import Running

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(240)]

SIZES = [(390, 844), (960, 900), (1920, 1080)]


async def last_week(service: Running) -> None:
    """Twice 50 in each minute of an hour, seven days ago."""
    begin = int(time.time() // 60) * 60 - 7 * 86400
    rows = [{"ts": begin + 60 * minute, "fact": 50, "series": "line 1"} for minute in range(-70, 10) for _ in range(2)]
    assert (await service.http.post("/readings", json=rows)).status_code == 200


@pytest.mark.parametrize("size", SIZES, ids=[str(width) for width, _ in SIZES])
async def test_what_is_chosen_stands_in_the_address_and_survives(
    browser: Browser, fresh: Running, size: tuple[int, int]
) -> None:
    await fill(fresh, 1.2)
    await last_week(fresh)
    viewport = {"width": size[0], "height": size[1]}
    async with visiting(browser, fresh, viewport=viewport, color_scheme="dark" if size[0] == 960 else "light") as page:
        await live(page)
        chart, tiles = page.locator("#chart svg"), page.locator("#totals")
        await page.get_by_label("Running totals").select_option("of the period")
        await expect(chart).to_contain_text("lines: totals")
        await expect(page).to_have_url(f"{fresh.url}/?cumulative=period")
        await page.get_by_label("Compare fact with").select_option("last week")
        await expect(chart).to_contain_text(re.compile("plan: fact of 7 ?days before"))
        await expect(tiles).to_contain_text("Fact, 7 days before")
        await expect(tiles).to_contain_text(re.compile(r"6,[01]00"))
        await expect(tiles).not_to_contain_text("Worst minute")
        await expect(page.get_by_label("Plan drawn as")).to_be_hidden()
        await page.get_by_text("More", exact=True).click()
        await page.get_by_label("Plan drawn as").select_option("a line")
        await page.get_by_label("May be below plan by").fill("5%")
        await page.keyboard.press("Tab")
        await expect(chart).to_contain_text("below plan by over 5%")
        asked = "plan=fact-7d&cumulative=period&style=target&threshold=5%25"
        await expect(page).to_have_url(f"{fresh.url}/?{asked}")
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert await faults(page) == []
        await keep(page, f"choices-{size[0]}")
        link = page.get_by_role("link", name="Its chart alone")
        for name, value in (("plan", "fact-7d"), ("style", "target"), ("threshold", "5%25"), ("cumulative", "period")):
            await expect(link).to_have_attribute("href", re.compile(f"[?&]{name}={value}(&|$)"))
        await page.reload()
        await expect(page.get_by_label("Plan drawn as")).to_have_value("target")
        await expect(page.get_by_label("May be below plan by")).to_have_value("5%")
        await expect(page.locator("#state")).to_have_text("Live")
        await expect(chart).to_contain_text("below plan by over 5%")
        await page.get_by_label("Compare fact with").select_option("the plan")
        await expect(tiles).to_contain_text("Worst minute")
        await page.go_back()
        await expect(page.get_by_label("Compare fact with")).to_have_value("fact-7d")
        await expect(tiles).to_contain_text("Fact, 7 days before")


async def test_running_totals_move_as_readings_come(browser: Browser, fresh: Running) -> None:
    """The lines move, and the chart is the one that was drawn before."""
    await fill(fresh, 0.9)
    async with visiting(browser, fresh) as page:
        await live(page, "/?cumulative=period&period=today")
        said = page.locator("#chart svg").get_by_text(re.compile("behind|ahead"))
        before = await said.first.text_content()
        await fresh.http.post("/readings", json={"ts": time.time() - 180, "series": "line 1", "fact": 50_000})
        await expect(said.first).not_to_have_text(before or "")
        await expect(said.first).to_contain_text("ahead")


async def test_what_cant_be_used_is_said_where_it_was_typed(browser: Browser, fresh: Running) -> None:
    await fill(fresh, 0.5)
    async with visiting(browser, fresh) as page:
        await live(page)
        await page.get_by_text("More", exact=True).click()
        field, fault = page.get_by_label("Hours", exact=True), page.locator("#hours-fault")
        await field.fill("6 to 22")
        await page.keyboard.press("Tab")
        await expect(fault).to_contain_text("6 to 22")
        await expect(field).to_have_attribute("aria-invalid", "true")
        await expect(page.locator("#state")).to_have_text("Not live")
        await expect(page).to_have_url(f"{fresh.url}/")
        assert await faults(page) == []
        await field.fill("00:00-23:00")
        await page.keyboard.press("Tab")
        await expect(page.locator("#state")).to_have_text("Live")
        await expect(fault).to_be_hidden()
        await expect(page).to_have_url(f"{fresh.url}/?hours=00%3A00-23%3A00")


@pytest.mark.parametrize(
    ("query", "field", "said"),
    [
        ("plan=lastweek", "plan", "'lastweek' isn't allowed; write fact-7d"),
        ("cumulative=week", "cumulative", "allowed are period, day, shift"),
        ("cumulative=shift", "cumulative", "no shifts are known here"),
        ("agg=avg", "agg", "allowed are sum, increase"),
        ("style=lines", "style", "allowed are bars, target"),
        ("threshold=x", "threshold", "'x' must be a number"),
        ("hours=25:00-26:00", "hours", "25:00"),
        ("days=someday", "days", "someday"),
    ],
)
async def test_an_address_with_a_wrong_choice_says_it_beside_the_field(
    browser: Browser, fresh: Running, query: str, field: str, said: str
) -> None:
    await fill(fresh, 0.5)
    async with visiting(browser, fresh, "400 (Bad Request)", java_script_enabled=False) as page:
        answer = await page.goto(f"/?{query}")
        assert answer is not None
        assert answer.status == 400
        await expect(page.locator(f"#{field}-fault")).to_contain_text(said)
        await expect(page.locator(f"#{field}-fault")).to_be_visible()
        await expect(page.locator(f"[name={field}]")).to_have_value(query.partition("=")[2])


async def test_without_scripts_the_form_asks_for_the_same_chart(browser: Browser, fresh: Running) -> None:
    await fill(fresh, 0.5)
    async with visiting(browser, fresh, java_script_enabled=False) as page:
        await page.goto("/?period=6h")
        await page.get_by_label("Running totals").select_option("of each day")
        await page.get_by_text("More", exact=True).click()
        await page.get_by_label("Facts are").select_option("counters")
        await page.get_by_label("Days", exact=True).fill("mon-sun")
        await page.get_by_role("button", name="Show").click()
        await expect(page).to_have_url(f"{fresh.url}/?period=6h&cumulative=day&agg=increase&days=mon-sun")
        picture = page.locator("figure img")
        await expect(picture).to_have_attribute("src", re.compile("cumulative=day.*days=mon-sun.*agg=increase"))
        assert await picture.evaluate("one => one.decode().then(() => one.naturalWidth)") > 0
