"""The board and the wall in a real browser."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.async_api import Browser, WebSocketRoute, expect

from tests.browsing import PATIENCE, faults, keep, visiting
from tests.conftest import Engine, settings_for
from tests.harness import Running, running

pytestmark = pytest.mark.anyio

SCREEN = {"width": 1920, "height": 1080}


async def fill(service: Running, series: int, minutes: int = 60) -> None:
    """Some minutes of plan and fact up to now; the first series does best."""
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    rows = [
        {
            "series": f"line {number:02}",
            "ts": (now - timedelta(minutes=minute)).isoformat(),
            "plan": 10,
            "fact": 10 if number == 0 else 10 - number % 3,
        }
        for number in range(series)
        for minute in range(minutes)
    ]
    assert (await service.http.post("/readings", json=rows)).status_code == 200


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 390)])
async def test_the_board_is_accessible_and_moves(browser: Browser, fresh: Running, scheme: Any, width: int) -> None:
    await fill(fresh, 2)
    await fresh.http.post("/readings", json={"series": "line 01", "note": "film torn"})
    viewport = {"width": width, "height": 900}
    async with visiting(browser, fresh, color_scheme=scheme, viewport=viewport) as page:
        await page.goto("/board?from=-2h&until=%2B1h&series=line%2001")
        await expect(page.locator("#state")).to_have_text("Live", timeout=PATIENCE)
        await expect(page.locator(".notes").filter(has_text="film torn")).to_have_count(1)
        assert await faults(page) == []
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        lefts = await page.evaluate(
            "['.brand', '#which'].map((one) => document.querySelector(one).getBoundingClientRect().left)"
        )
        assert lefts[0] == lefts[1], "header and content begin at the same place"
        await keep(page, f"board-{scheme}-{width}")
        before = await page.locator(".board-tiles dd").nth(2).inner_text()
        moment = (datetime.now(UTC) - timedelta(minutes=3)).isoformat()
        await fresh.http.post("/readings", json={"series": "line 01", "ts": moment, "fact": 500})
        await expect(page.locator(".board-tiles dd").nth(2)).not_to_have_text(before)


async def test_a_warning_above_the_board_begins_where_the_board_does(browser: Browser, fresh: Running) -> None:
    async with visiting(browser, fresh, viewport=SCREEN) as page:
        await page.goto("/board?from=-2h")
        edges = await page.evaluate(
            "() => { const warning = document.createElement('p'); warning.className = 'warning';"
            " document.querySelector('.top').after(warning);"
            " const inner = (one) => one.getBoundingClientRect().left + parseFloat(getComputedStyle(one).paddingLeft);"
            " return [warning, document.querySelector('main')].map(inner); }"
        )
        assert edges[0] == edges[1]


@pytest.mark.parametrize("series", [0, 1, 4, 12, 30])
async def test_the_wall_can_be_read_from_afar(browser: Browser, fresh: Running, series: int) -> None:
    """Every text is at least a thirtieth of the screen high, and nothing is cut off."""
    if series:
        await fill(fresh, series)
    async with visiting(browser, fresh, viewport=SCREEN) as page:
        await page.goto("/board?view=wall&from=-2h&until=%2B1h")
        await expect(page.locator("#board")).to_have_attribute("data-current", "yes", timeout=PATIENCE)
        shown = page.locator(".grid > section:visible")
        await expect(shown).to_have_count(max(1, min(12, series)))
        await keep(page, f"wall-{series}")
        sizes = await page.evaluate(
            "[...document.querySelectorAll('section:not([hidden]) :is(h2, .target, .gap, small, .foot)')]"
            ".map((one) => parseFloat(getComputedStyle(one).fontSize))"
        )
        assert min(sizes) >= SCREEN["height"] / 30
        cut = await page.evaluate(
            "[...document.querySelectorAll('section:not([hidden])')].filter((one) =>"
            " one.scrollHeight > one.clientHeight + 1 || one.scrollWidth > one.clientWidth + 1).length"
        )
        assert cut == 0
        if series:
            await expect(shown.first).to_contain_text("at this pace")
            await expect(shown.first.locator(".foot p").last).to_be_visible()
        assert await faults(page) == []
        if series > 12:
            await expect(page.locator("#page")).to_have_text("1 of 3")
            first = await shown.first.inner_text()
            await expect(page.locator("#page")).to_have_text("2 of 3", timeout=PATIENCE)
            assert await shown.first.inner_text() != first


@pytest.mark.parametrize("series", [1, 4, 9, 12])
async def test_names_on_the_wall_are_told_apart_and_every_tile_says_all(
    browser: Browser, fresh: Running, series: int
) -> None:
    """What tells lines apart is often the end of their names; each has its target and what comes of it at this pace."""
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    rows = [
        {"series": f"Montagelinie {number:02}", "ts": (now - minute * timedelta(minutes=1)).isoformat(), "plan": 50}
        | ({"fact": 45.5} if minute > 0 else {})
        for number in range(series)
        for minute in range(-30, 60)
    ]
    assert (await fresh.http.post("/readings", json=rows)).status_code == 200
    async with visiting(browser, fresh, viewport=SCREEN) as page:
        await page.goto("/board?view=wall&from=-2h&until=%2B1h&lang=de")
        await expect(page.locator("#board")).to_have_attribute("data-current", "yes", timeout=PATIENCE)
        await keep(page, f"wall-names-{series}")
        cut = await page.evaluate(
            "[...document.querySelectorAll('section, h2, .foot p, small')].filter((one) =>"
            " one.scrollHeight > one.clientHeight + 1 || one.scrollWidth > one.clientWidth + 1)"
            ".map((one) => one.tagName + one.innerText)"
        )
        assert cut == []
        for words in ("Ziel", "Prognose", "Rückstand"):
            await expect(page.locator("section:visible").filter(has_text=words)).to_have_count(series)
        await expect(page.locator(".target:visible")).to_have_count(series)


async def test_the_worst_stand_first_and_colours_say_how_bad(browser: Browser, fresh: Running) -> None:
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    facts = {"good": 10.0, "near": 9.7, "bad": 5.0}
    rows = [
        {"series": name, "ts": (now - timedelta(minutes=minute)).isoformat(), "plan": 10, "fact": fact}
        for name, fact in facts.items()
        for minute in range(30)
    ]
    rows += [{"series": "plan only", "ts": (now + timedelta(minutes=20)).isoformat(), "plan": 10}]
    rows += [{"series": "still", "ts": (now - timedelta(minutes=20)).isoformat(), "plan": 10, "fact": 10}]
    assert (await fresh.http.post("/readings", json=rows)).status_code == 200
    async with visiting(browser, fresh, viewport=SCREEN) as page:
        await page.goto("/board?view=wall&from=-1h&until=%2B1h")
        await expect(page.locator("#board")).to_have_attribute("data-current", "yes", timeout=PATIENCE)
        await keep(page, "wall-states")
        found = await page.evaluate(
            "[...document.querySelectorAll('.grid > section')]"
            ".map((one) => [one.className, one.querySelector('h2').innerText])"
        )
        assert {name: state for state, name in found} == {
            "bad": "bad",
            "near": "near",
            "good": "good",
            "still": "still",
            "plan only": "none",
        }
        assert [name for _, name in found][:2] == ["bad", "near"]


async def test_the_wall_never_shows_old_numbers_as_new(browser: Browser, engine: Engine, schema: str) -> None:
    """It is grey while the service is away, says since when, and goes on by itself with what came meanwhile."""
    async with running(settings_for(engine, schema)) as service:
        await fill(service, 2)
        async with visiting(browser, service, "ERR_CONNECTION_REFUSED", "WebSocket", viewport=SCREEN) as page:
            await page.goto("/board?view=wall&from=-2h&until=%2B1h")
            board = page.locator("#board")
            await expect(board).to_have_attribute("data-current", "yes", timeout=PATIENCE)
            await page.context.set_offline(True)
            await expect(board).to_have_attribute("data-current", "no", timeout=PATIENCE)
            await expect(page.locator("#stale")).to_contain_text("As of")
            await keep(page, "wall-offline")
            before = await page.locator(".foot b").first.inner_text()
            ts = time.time() - 180
            await service.http.post("/readings", json={"series": "line 01", "ts": ts, "fact": 300})
            await page.context.set_offline(False)
            await expect(board).to_have_attribute("data-current", "yes", timeout=PATIENCE)
            await expect(page.locator("#stale")).to_be_hidden()
            await expect(page.locator(".grid")).not_to_contain_text(before)


@pytest.mark.parametrize("address", ["/board?view=wall&from=-2h", "/board?from=-2h"])
async def test_a_connection_alone_makes_no_number_current(browser: Browser, fresh: Running, address: str) -> None:
    """The first that comes of it is the server's clock; the numbers may take their time."""
    await fill(fresh, 2)
    held = False
    sockets: list[WebSocketRoute] = []

    def between(socket: WebSocketRoute) -> None:
        sockets.append(socket)
        server = socket.connect_to_server()

        def pass_on(message: str | bytes) -> None:
            if not held or "event: time" in str(message):
                socket.send(message)

        server.on_message(pass_on)

    async with visiting(browser, fresh, viewport=SCREEN) as page:
        await page.route_web_socket("**/live**", between)
        await page.goto(address)
        board = page.locator("#board")
        await expect(board).to_have_attribute("data-current", "yes", timeout=PATIENCE)
        held = True
        await sockets[-1].close()
        await expect(board).to_have_attribute("data-current", "no", timeout=PATIENCE)
        while len(sockets) < 2:
            await page.wait_for_timeout(100)
        await page.wait_for_timeout(1000)
        await expect(board).to_have_attribute("data-current", "no")
        held = False
        await sockets[-1].close()
        await expect(board).to_have_attribute("data-current", "yes", timeout=PATIENCE)
        assert len(sockets) == 3


@pytest.mark.parametrize("address", ["/board?view=wall&from=-2h", "/board?from=-2h", "/"])
async def test_what_was_sent_before_a_sleep_is_not_current_after_it(
    browser: Browser, fresh: Running, address: str
) -> None:
    """A laptop wakes up with a message of before its sleep still on the way; the page asks anew."""
    await fill(fresh, 2)
    sockets: list[WebSocketRoute] = []

    def between(socket: WebSocketRoute) -> None:
        sockets.append(socket)
        socket.connect_to_server()

    async with visiting(browser, fresh, viewport=SCREEN) as page:
        await page.route_web_socket("**/live**", between)
        await page.goto(address)
        board = page.locator("#board")
        await expect(board).to_have_attribute("data-current", "yes", timeout=PATIENCE)
        await page.evaluate("(() => { const now = Date.now; Date.now = () => now() + 60_000; })()")
        sockets[0].send("event: beat\ndata: null\n\n")
        await expect(board).to_have_attribute("data-current", "no", timeout=PATIENCE)
        await expect(board).to_have_attribute("data-current", "yes", timeout=PATIENCE)
        assert len(sockets) == 2


@pytest.mark.parametrize("size", [(1080, 1920), (1024, 768), (390, 844)], ids=["upright", "four to three", "phone"])
async def test_nothing_of_the_wall_is_cut_off_on_other_screens(
    browser: Browser, fresh: Running, size: tuple[int, int]
) -> None:
    await fill(fresh, 4)
    async with visiting(browser, fresh, viewport={"width": size[0], "height": size[1]}) as page:
        await page.goto("/board?view=wall&from=-2h&until=%2B1h")
        await expect(page.locator("#board")).to_have_attribute("data-current", "yes", timeout=PATIENCE)
        await keep(page, f"wall-on-{size[0]}")
        cut = await page.evaluate(
            "[...document.querySelectorAll('section, section *')].filter((one) => one.clientWidth &&"
            " one.scrollWidth > one.clientWidth + 1).map((one) => one.className || one.tagName)"
        )
        assert cut == []
