"""The page of corrections in a real browser, and as whoever asks for it gets it."""

import re
import time
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from tests.browsing import faults, fill, keep, visiting
from tests.harness import Running

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(240)]

LOOKS: list[dict[str, Any]] = [
    {"viewport": {"width": width, "height": height}, "color_scheme": scheme}
    for (width, height), scheme in (((390, 844), "light"), ((960, 900), "dark"), ((1920, 1080), "light"))
]


async def correct(service: Running, times: int, series: str = "line 1") -> None:
    """Take the plan of some readings away, and put new readings in the place of the others."""
    begin = int(time.time()) - 1800
    for number in range(times):
        asked = {"series": series, "from": str(begin), "until": str(begin + 600)}
        if number % 2:
            answer = await service.http.put("/readings", params=asked, json=[{"ts": begin + 60, "plan": 7, "fact": 5}])
        else:
            answer = await service.http.delete("/readings", params={**asked, "field": "plan"})
        assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("looks", LOOKS, ids=lambda one: f"{one['viewport']['width']}-{one['color_scheme']}")
async def test_corrections_are_listed_page_by_page(browser: Browser, fresh: Running, looks: dict[str, Any]) -> None:
    await fill(fresh, 1)
    await correct(fresh, 4)
    await correct(fresh, 1, "packing")
    async with visiting(browser, fresh, **looks) as page:
        await page.goto("/display?series=line+1")
        await page.get_by_role("link", name="Corrections").click()
        await expect(page).to_have_url(f"{fresh.url}/corrections?series=line+1")
        rows = page.locator("table.corrections tbody tr")
        await expect(rows).to_have_count(4)
        await expect(rows.first).to_contain_text("anonymous")
        cells = [text.strip() for text in await rows.nth(2).locator("td").all_inner_texts()]
        assert cells[2] == "line 1"
        assert cells[4:] == ["whole readings", "20", "0", "1"]
        assert (await rows.nth(3).locator("td").nth(4).inner_text()).strip() == "plan"
        assert await faults(page) == []
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        await keep(page, f"corrections-{looks['viewport']['width']}-{looks['color_scheme']}")
        await page.goto("/corrections?limit=2")
        await expect(rows.first).to_contain_text("packing")
        await expect(page.get_by_role("link", name="Newest")).to_have_count(0)
        for left in (2, 1):
            await page.get_by_role("link", name="Older").click()
            await expect(rows).to_have_count(left)
            await expect(page).to_have_url(re.compile(r"limit=2&before=\d+"))
        await expect(page.get_by_role("link", name="Older")).to_have_count(0)
        await page.get_by_role("link", name="Newest").click()
        await expect(page).to_have_url(f"{fresh.url}/corrections?limit=2")


async def test_that_there_is_none_is_said(browser: Browser, fresh: Running) -> None:
    """Of everything, and of what is chosen; the form works without scripts."""
    await fill(fresh, 0.5)
    async with visiting(browser, fresh, java_script_enabled=False) as page:
        await page.goto("/corrections")
        await expect(page.locator(".empty")).to_contain_text("Nothing has been corrected yet.")
        await correct(fresh, 1)
        await page.get_by_label("Readings from", exact=True).fill("-2h")
        await page.get_by_label("Until", exact=True).fill("-1h")
        await page.get_by_role("button", name="Show").click()
        await expect(page).to_have_url(f"{fresh.url}/corrections?from=-2h&until=-1h")
        await expect(page.locator(".empty")).to_contain_text("Nothing of this was corrected.")
        await page.get_by_role("link", name="Show all").click()
        await expect(page.locator("table.corrections tbody tr")).to_have_count(1)


async def test_what_is_wrong_is_said_beside_the_field(browser: Browser, fresh: Running) -> None:
    async with visiting(browser, fresh, "400 (Bad Request)") as page:
        answer = await page.goto("/corrections?from=soon&tz=Mars&limit=5")
        assert answer is not None
        assert answer.status == 400
        await expect(page.locator("#from-fault")).to_contain_text("'soon'")
        await expect(page.locator("#tz-fault")).to_contain_text("'Mars'")
        await expect(page.get_by_label("Readings from", exact=True)).to_have_value("soon")
        assert await faults(page) == []
        await page.goto("/corrections?page=2")
        await expect(page.get_by_role("alert").filter(visible=True)).to_contain_text("'page' isn't a parameter here")


async def test_the_board_leads_to_its_corrections(browser: Browser, fresh: Running) -> None:
    await fill(fresh, 1)
    await correct(fresh, 1)
    async with visiting(browser, fresh) as page:
        await page.goto("/board?series=line+1&from=-2h&tz=Asia/Kolkata")
        await page.get_by_role("link", name="corrections").click()
        await expect(page).to_have_url(f"{fresh.url}/corrections?series=line+1&from=-2h&tz=Asia%2FKolkata")
        await expect(page.locator("table.corrections tbody tr")).to_have_count(1)


async def test_programs_get_what_they_ask_for(fresh: Running) -> None:
    await fill(fresh, 1)
    await correct(fresh, 1)
    kinds = {"html": "text/html", "json": "application/json", "csv": "text/csv"}
    for form, media_type in kinds.items():
        for address, accept in ((f"/corrections?format={form}", "*/*"), ("/corrections", media_type)):
            answer = await fresh.http.get(address, headers={"Accept": accept})
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith(media_type)
            assert "line 1" in answer.text
    assert (await fresh.http.get("/corrections")).headers["content-type"].startswith("application/json")
    wrong = await fresh.http.get("/corrections?format=pdf")
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (400, "format")
