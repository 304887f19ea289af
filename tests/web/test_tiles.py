"""The tiles of the live page in a real browser: where plan and fact stand, at every width."""

import re
import time
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browsing import faults, keep, live, visiting
from tests.harness import Running

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(240)]

LOOKS: list[dict[str, Any]] = [
    {"viewport": {"width": width, "height": height}, "color_scheme": scheme}
    for width, height in ((390, 844), (960, 900), (1920, 1080))
    for scheme in ("light", "dark")
]


async def write(service: Running) -> None:
    """Ten pieces are planned a minute from an hour ago until an hour from now, and nine are made so far."""
    begin = time.time() // 60 * 60
    readings = [
        {"ts": begin + 60 * minute, "plan": 10, **({"fact": 9} if minute < 0 else {})} for minute in range(-60, 60)
    ]
    assert (await service.http.post("/readings", json=readings)).status_code == 200


async def tiles(page: Page) -> dict[str, str]:
    """What each tile says."""
    found = await page.locator("#totals .tile").all()
    return {
        (await one.locator("dt").inner_text()).split(" until")[0]: " ".join(
            (await one.locator("dd").inner_text()).split()
        )
        for one in found
    }


@pytest.mark.parametrize("looks", LOOKS, ids=lambda one: f"{one['viewport']['width']}-{one['color_scheme']}")
async def test_where_plan_and_fact_stand(browser: Browser, fresh: Running, looks: dict[str, Any]) -> None:
    """By the end and what is needed are said only of a period that reaches beyond now."""
    await write(fresh)
    async with visiting(browser, fresh, **looks) as page:
        await live(page, "/?from=-1h&until=%2B30min")
        said = await tiles(page)
        assert list(said) == [
            "Plan",
            "Fact",
            "Ahead or behind",
            "Fulfilment",
            "At this pace",
            "Needed an hour",
            "Worst minute",
        ]
        # the period ends with a step, which has five minutes on a narrow screen
        assert re.fullmatch(r"6[01]0 of 9[0-5]0", said["Plan"])
        assert "behind" in said["Ahead or behind"]
        assert said["Ahead or behind"].endswith("min")
        assert re.match(r"(90\.0|88\.5) %", said["Fulfilment"])
        await expect(page.locator("#totals .tile").first).to_be_visible()
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert await faults(page) == []
        await keep(page, f"tiles-{looks['viewport']['width']}-{looks['color_scheme']}")
        await live(page, "/?period=1h")
        assert list(await tiles(page)) == ["Plan", "Fact", "Ahead or behind", "Fulfilment", "Worst minute"]
