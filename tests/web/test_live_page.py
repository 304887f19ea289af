"""The live page in a real browser: its messages, its connections, and the values that can be read off it."""

import time
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browsing import faults, fill, keep, live, visiting
from tests.harness import Running

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(240)]

TOUCH = {"viewport": {"width": 390, "height": 844}, "has_touch": True}


async def post(service: Running, *readings: dict[str, Any]) -> None:
    answer = await service.http.post("/readings", json=list(readings))
    assert answer.status_code == 200, answer.text


def ago(minutes: float, **more: Any) -> dict[str, Any]:
    return {"ts": time.time() - 60 * minutes, **more}


# --- what the server refuses


async def test_what_the_server_refuses_is_said_beside_the_field(browser: Browser, fresh: Running) -> None:
    """The browser accepts `+01:00` as a zone, but the server's answer counts, and isn't shown as a network failure."""
    await fill(fresh, 0.5)
    async with visiting(browser, fresh) as page:
        await live(page)
        field, fault = page.get_by_label("Time zone"), page.locator("#tz-fault")
        for wrong in ("+01:00", "Mars"):
            await field.fill(wrong)
            await page.keyboard.press("Tab")
            await expect(fault).to_contain_text(f"'{wrong}' isn't an IANA time zone")
            await expect(page.locator("#state")).to_have_text("Not live")
            assert await field.get_attribute("aria-invalid") == "true"
            assert await faults(page) == []
        await expect(page).to_have_url(f"{fresh.url}/")
        await field.fill("europe/berlin")
        await page.keyboard.press("Tab")
        await expect(page.locator("#state")).to_have_text("Live")
        await expect(fault).to_be_hidden()
        await expect(page.locator("th .zone")).to_have_text("Europe/Berlin")
        await expect(page).to_have_url(f"{fresh.url}/?tz=europe%2Fberlin")


@pytest.mark.parametrize(
    ("query", "where", "said"),
    [
        ("tz=%2B01:00", "tz-fault", "an offset doesn't tell when clocks are changed"),
        ("period=2h", "period-fault", "allowed are 1h, 6h"),
        (f"series={'x' * 201}", "series-fault", "a name has 1 to 200 characters"),
        ("perod=1h", "notice", "'perod' isn't a parameter here"),
        ("period=1h&period=6h", "period-fault", "is given more than once"),
    ],
)
async def test_an_address_that_is_refused_keeps_the_form(
    browser: Browser, fresh: Running, query: str, where: str, said: str
) -> None:
    """With and without scripts, the fields keep what was asked for."""
    await fill(fresh, 0.5)
    for scripts in (False, True):
        async with visiting(browser, fresh, "400 (Bad Request)", java_script_enabled=scripts) as page:
            answer = await page.goto(f"/?{query}")
            assert answer is not None
            assert answer.status == 400
            await expect(page.locator(f"#{where}")).to_contain_text(said)
            await expect(page.locator("#board")).to_be_hidden()
            await expect(page.locator("#start")).to_be_hidden()
            if where == "tz-fault":
                await expect(page.get_by_label("Time zone")).to_have_value("+01:00")
                await keep(page, f"refused-{scripts}")
                await page.get_by_label("Time zone").fill("")
            await page.get_by_text("24 hours").click()
            if not scripts:
                await page.get_by_role("button", name="Show").click()
            elif where != "series-fault":
                await expect(page.locator("#state")).to_have_text("Live")
            if where != "series-fault":
                await expect(page.locator("#board")).to_be_visible()


async def test_no_room_for_another_viewer_is_said_and_passes(browser: Browser, fresh: Running) -> None:
    await fill(fresh, 0.5)
    fresh.parts.feed.viewers.limit = 0
    async with visiting(browser, fresh) as page:
        await page.goto("/")
        await expect(page.locator("#notice")).to_contain_text("too many viewers")
        await expect(page.locator("#state")).to_have_text("Not live")
        fresh.parts.feed.viewers.limit = 1
        await expect(page.locator("#state")).to_have_text("Live")
        await expect(page.locator("#notice")).to_be_hidden()


async def test_where_no_socket_comes_through_it_is_live_by_an_answer(browser: Browser, fresh: Running) -> None:
    await fill(fresh, 0.5)
    async with visiting(browser, fresh, "400 (Bad Request)") as page:
        await page.route_web_socket("**/live**", lambda socket: socket.close())
        await live(page)
        await post(fresh, {"plan": 4321})
        await expect(page.locator("#records tr").first).to_contain_text("4,321")
        await page.get_by_label("Time zone").fill("+01:00")
        await page.keyboard.press("Tab")
        await expect(page.locator("#tz-fault")).to_contain_text("isn't an IANA time zone")


# --- how many pages, and which of them


async def test_eight_pages_are_live_at_once(browser: Browser, fresh: Running) -> None:
    """A browser opens only six HTTP connections to a host, which streams would use up."""
    await fill(fresh, 0.5)
    async with visiting(browser, fresh) as first:
        pages = [first, *[await first.context.new_page() for _ in range(7)]]
        for number, page in enumerate(pages):
            await live(page, f"/?series=line+{1 + number % 2}&series=s{number // 2}")
        await post(fresh, *[{"plan": 4321, "series": f"s{number}"} for number in range(4)])
        for page in pages:
            await expect(page.locator("#records tr").first).to_contain_text("4,321")


async def test_a_page_that_nobody_sees_lets_go(browser: Browser, fresh: Running) -> None:
    def viewers() -> float | None:
        return fresh.parts.metrics.registry.get_sample_value("taktline_viewers")

    await fill(fresh, 0.5)
    async with visiting(browser, fresh) as page:
        await live(page)
        assert viewers() == 1
        await turn(page, hidden=True)
        await eventually(page, lambda: viewers() == 0)
        await post(fresh, {"plan": 4321})
        await turn(page, hidden=False)
        await expect(page.locator("#records tr").first).to_contain_text("4,321")
        await expect(page.locator("#state")).to_have_text("Live")


async def turn(page: Page, *, hidden: bool) -> None:
    """Behave as if the tab went to the background or to the foreground."""
    await page.evaluate(
        """hidden => {
          Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
          document.dispatchEvent(new Event("visibilitychange"));
        }""",
        hidden,
    )


async def eventually(page: Page, is_so: Any) -> None:
    for _ in range(100):
        if is_so():
            return
        await page.wait_for_timeout(50)
    assert is_so()


# --- how fresh it is


async def test_it_says_how_old_the_newest_fact_is(browser: Browser, fresh: Running) -> None:
    """A plan, which may be in the future, doesn't count, and the age grows without another event."""
    await post(fresh, *[ago(minutes, plan=40, fact=38) for minutes in range(25, 55)], ago(0, plan=40))
    async with visiting(browser, fresh) as page:
        await page.goto("/")
        await expect(page.locator("#state")).to_have_text("No reading for 25 minutes")
        await expect(page.locator("#age")).to_contain_text("Newest reading 20")
        await expect(page.locator("#board")).to_have_attribute("data-current", "no")
        assert await faults(page) == []
        await keep(page, "quiet")
        await post(fresh, ago(2 + 57 / 60, plan=40, fact=38))
        await expect(page.locator("#state")).to_have_text("Live")
        await expect(page.locator("#age")).to_have_text("Newest reading 2 minutes ago")
        await expect(page.locator("#state")).to_have_text("No reading for 3 minutes", timeout=10_000)
        await post(fresh, {"plan": 40, "fact": 38})
        await expect(page.locator("#age")).to_have_text("Newest reading just now")
        await expect(page.locator("#board")).to_have_attribute("data-current", "yes")


async def test_a_fact_from_before_the_period_counts(browser: Browser, fresh: Running) -> None:
    await post(fresh, ago(60 * 20, fact=38), {"plan": 40})
    async with visiting(browser, fresh) as page:
        await page.goto("/?period=1h")
        await expect(page.locator("#state")).to_have_text("No reading for 20 hours")


async def test_facts_that_come_seldom_are_waited_for_longer(browser: Browser, fresh: Running) -> None:
    await post(fresh, *[ago(30 + 60 * hour, fact=38, series="hourly") for hour in range(5)])
    async with visiting(browser, fresh) as page:
        await live(page, "/?period=24h")
        await expect(page.locator("#age")).to_have_text("Newest reading 30 minutes ago")


async def test_while_it_reconnects_nothing_looks_current(browser: Browser, fresh: Running) -> None:
    await fill(fresh, 0.5)
    async with visiting(browser, fresh) as page:
        await live(page)
        await page.context.set_offline(True)
        await expect(page.locator("#state")).to_have_text("Offline")
        await expect(page.locator("#age")).to_contain_text("As of 20")
        await expect(page.locator("#board")).to_have_attribute("data-current", "no")
        soft = await page.locator("#age").evaluate("one => getComputedStyle(one).color")
        await expect(page.locator(".tile dd").first).to_have_css("color", soft)
        await page.context.set_offline(False)
        await expect(page.locator("#board")).to_have_attribute("data-current", "yes")


# --- what is read off it


async def test_the_pointer_reads_values(browser: Browser, fresh: Running) -> None:
    await fill(fresh, 0.9)
    async with visiting(browser, fresh) as page:
        await live(page)
        bars = page.locator("#chart .mark-rect.role-mark path")
        values = page.locator("#values")
        for number in (3, 40, 77):
            label = await bars.nth(number).get_attribute("aria-label") or ""
            bar, area = await bars.nth(number).bounding_box(), await page.locator("#reader").bounding_box()
            assert bar is not None
            assert area is not None
            assert abs(bar["y"] + bar["height"] - area["y"] - area["height"]) < 2  # both bars begin at the axis
            await page.mouse.move(bar["x"] + bar["width"] / 2, bar["y"] + bar["height"] / 2)
            mark = await page.locator(".mark").bounding_box()
            assert mark is not None
            assert mark["x"] - 1 < bar["x"] < bar["x"] + bar["width"] < mark["x"] + mark["width"] + 1
            when = await values.locator(".when").inner_text()
            assert when.split(", ")[1] in label
            assert await values.locator(".plan").inner_text() == "250"
        await keep(page, "values")
        await page.mouse.move(5, 5)
        await expect(values).to_be_hidden()


async def test_a_finger_reads_values(browser: Browser, fresh: Running) -> None:
    await fill(fresh, 0.9)
    async with visiting(browser, fresh, **TOUCH) as page:
        await live(page)
        await page.locator("#reader").tap(position={"x": 100, "y": 60})
        await expect(page.locator("#values .plan")).to_have_text("250")
        left = await page.locator("#values").bounding_box()
        assert left is not None
        assert left["x"] >= 0
        assert left["x"] + left["width"] <= 390
        await keep(page, "finger")
        await page.locator("h2").first.tap()
        await expect(page.locator("#values")).to_be_hidden()


async def test_the_arrow_keys_read_values(browser: Browser, fresh: Running) -> None:
    await post(fresh, ago(20, plan=0.1, fact=0.3), ago(10, plan=40), ago(5, plan=1234.5678, fact=3e-7))
    async with visiting(browser, fresh) as page:
        await live(page)
        slider = page.get_by_role("slider")
        await slider.focus()
        said = []
        for key in ("Home", "ArrowRight", "End"):
            await page.keyboard.press(key)
            said.append((await slider.get_attribute("aria-valuetext") or "").partition(": ")[2])
        assert said == [
            "plan 0.1, fact 0.3, difference +0.2",
            "plan 40, fact –, difference −40",
            "plan 1,234.57, fact 3e−7, difference −1,234.57",
        ]
        assert await faults(page) == []
        await page.keyboard.press("Escape")
        await expect(page.locator("#values")).to_be_hidden()


async def test_the_axis_says_the_date_once(browser: Browser, fresh: Running) -> None:
    await fill(fresh, 6)
    async with visiting(browser, fresh) as page:
        await live(page, "/?period=6h")
        labels = await page.locator("#chart .role-axis-label text").all_text_contents()
        labels = [label for label in labels if ":" in label]
        dates = [label for label in labels if len(label) > len("00:00")]
        assert 4 < len(labels) < 20
        assert dates[0] == labels[0]
        assert len(dates) <= 2  # the period may contain a midnight


@pytest.mark.parametrize("width", [390, 320])
async def test_a_phone_shows_time_series_fact_and_difference(browser: Browser, fresh: Running, width: int) -> None:
    await post(fresh, *[ago(one / 6, series="packing line 2", plan=1234.5678, fact=1180.25) for one in range(12)])
    async with visiting(browser, fresh, viewport={"width": width, "height": 844}) as page:
        await live(page)
        for cell in await page.locator("#records tr").first.locator("td").all():
            text = await cell.inner_text()
            box = await cell.bounding_box()
            if box is not None and text:
                assert box["x"] + box["width"] <= width, text
        row = await page.locator("#records tr").first.inner_text()
        for part in ("packing line 2", "1,180.25", "of 1,234.57", "−54.3178"):
            assert part in row
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        await keep(page, f"phone-{width}")


# --- the choosers


async def test_a_thousand_series_are_searched_ticked_and_learnt(browser: Browser, fresh: Running) -> None:
    await post(fresh, *[ago(2, series=f"line {number:03}", plan=1, fact=1) for number in range(999)])
    async with visiting(browser, fresh, "400 (Bad Request)") as page:
        await live(page)
        await post(fresh, {"series": "<b>new", "plan": 1, "fact": 1})
        fresh.parts.store.series.fresh_for = 0
        await page.locator(".pick summary").click()
        boxes = page.locator(".choices label:visible")
        await expect(boxes).to_have_count(1000)
        await expect(boxes.first).to_have_text("<b>new")
        search = page.get_by_label("Search the series")
        await search.fill("LINE 12")
        await expect(boxes).to_have_count(10)
        await page.get_by_role("button", name="All", exact=True).click()
        await expect(page.locator(".pick .value")).to_have_text("10 series")
        await expect(page.locator("#totals")).to_contain_text("10")
        await expect(page).to_have_url(fresh.url + "/?" + "&".join(f"series=line+{one}" for one in range(120, 130)))
        assert await faults(page) == []
        await keep(page, "chooser")
        await search.fill("nobody")
        await expect(page.locator(".nothing")).to_have_text("No series matches.")
        await search.fill("")
        await page.get_by_role("button", name="All", exact=True).click()
        await expect(page).to_have_url(fresh.url + "/")
        await page.locator(".choices label").first.locator("input").uncheck()
        await expect(page.locator(".pick .value")).to_have_text("999 series")
        refused = page.locator("#series-fault")
        await expect(refused).to_have_text("at most 100 can be named; without any, all are meant.")
        await expect(page.locator("#state")).to_have_text("Not live")
        await expect(page).to_have_url(fresh.url + "/")
        await page.get_by_role("button", name="None", exact=True).click()
        await expect(page.locator(".pick .value")).to_have_text("All")
        await expect(page.locator("#state")).to_have_text("Live")
        await expect(refused).to_be_hidden()
        await expect(page).to_have_url(fresh.url + "/")


@pytest.mark.parametrize(
    ("query", "where", "sentence"),
    [
        ("tz=Mars", "#tz-fault", "'Mars' isn't an IANA time zone; write one like UTC or Europe/Berlin."),
        ("from=soon", "#from-fault", "'soon' isn't a time. Write it like 2026-01-31 14:05, -2h, yesterday"),
        ("from=-32d", "#from-fault", "is more than 31 days before the end, the most that is shown live."),
        ("period=9h", "#period-fault", "'9h' isn't allowed; allowed are 1h, 6h, today, 24h, 7d."),
        ("colour=red", "#notice", "'colour' isn't a parameter here; allowed are period, from, until, series, tz"),
    ],
)
async def test_an_address_that_is_refused_is_no_empty_page(
    browser: Browser, fresh: Running, query: str, where: str, sentence: str
) -> None:
    await fill(fresh, 0.5)
    nothing = "Nothing is shown until this is put right."
    for scripts in (True, False):
        async with visiting(browser, fresh, "status of 400", java_script_enabled=scripts) as page:
            await page.goto(f"/?{query}")
            await expect(page.locator("#state")).to_have_text("Not live" if scripts else "Not live without JavaScript")
            await expect(page.locator(where)).to_be_visible()
            await expect(page.locator(where)).to_contain_text(sentence)
            await expect(page.locator("#nothing")).to_have_text(nothing)
            await expect(page.locator("#nothing")).to_be_visible()
            if scripts:
                await page.get_by_text("6 hours").click()
                if query == "tz=Mars":
                    await page.get_by_label("Time zone").fill("UTC")
                    await page.keyboard.press("Tab")
                await expect(page.locator("#state")).to_have_text("Live")
                await expect(page.locator("#nothing")).to_be_hidden()
                await expect(page.locator(where)).to_be_hidden()


async def test_the_history_has_what_one_would_go_back_to(browser: Browser, fresh: Running) -> None:
    """Ticks one after the other are one entry, and what was refused is none."""
    await fill(fresh, 0.5)
    async with visiting(browser, fresh) as page:
        await live(page)
        entries = await page.evaluate("history.length")
        await page.locator(".pick summary").click()
        for name, asked in (("line 1", "line+1"), ("line 2", "line+1&series=line+2")):
            await page.get_by_label(name, exact=True).check()
            await expect(page).to_have_url(f"{fresh.url}/?series={asked}")
        # all series are ticked now, which means the same as none
        await page.get_by_label("packing", exact=True).check()
        await expect(page).to_have_url(fresh.url + "/")
        await page.keyboard.press("Escape")
        await page.get_by_label("Time zone").fill("Mars")
        await page.keyboard.press("Tab")
        await expect(page.locator("#tz-fault")).to_be_visible()
        await page.get_by_label("Time zone").fill("")
        await page.keyboard.press("Tab")
        await expect(page.locator("#state")).to_have_text("Live")
        await page.get_by_text("6 hours").click()
        await expect(page).to_have_url(f"{fresh.url}/?period=6h")
        assert await page.evaluate("history.length") - entries == 2
        await page.go_back()
        await expect(page).to_have_url(f"{fresh.url}/")
        assert await page.get_by_label("1 hour").is_checked()
