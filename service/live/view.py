"""What the live page shows: the chart of a period, what it comes to, and the newest records. As HTML for the page when
it comes, and as events for while it is open."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import jinja2
import msgspec

from service.charts.answering import Charts
from service.charts.drawing.picture import Picture
from service.charts.drawing.spec import spec
from service.charts.question import Appearance, ChartQuestion
from service.live.feed import Feed, polling
from service.live.freshness import Freshness, freshness
from service.live.server_sent_events import event
from service.live.step_texts import Step, steps
from service.metrics import Metrics
from service.period.selection import Selection
from service.period.steps import make_period
from service.store import Store
from service.web.pages import day, templates

PERIODS = {"1h": "1 hour", "6h": "6 hours", "today": "Today", "24h": "24 hours", "7d": "7 days"}
WIDTHS = {290: 290, 360: 300, 560: 360, 760: 400, 1080: 420}
"""Charts are made for these widths, with these heights; the browser stretches them a little."""
NEWEST = 12
"""Records on the page."""
THEMES = ("light", "dark")

_encode = msgspec.json.Encoder().encode
Bars = dict[float, dict[str, Any]]
Steps = dict[float, Step]
T = TypeVar("T")


class View(msgspec.Struct, frozen=True):
    """What somebody looks at; those who look at the same share it."""

    period: str
    series: tuple[str, ...]
    zone: str
    width: int


class Shown(msgspec.Struct, frozen=True):
    """A view at one time, apart from bars and steps: the specification of the chart without them, in every theme, and
    HTML of totals and records. `newest` is when the newest fact came, in seconds since 1970; the next is overdue when
    there was none for `patience` seconds. `empty`: there is no reading at all, of no time and no series."""

    specs: msgspec.Raw
    totals: str
    records: str
    zone: str
    newest: float | None
    patience: float
    empty: bool


class Look(msgspec.Struct, frozen=True):
    """The same with its bars and what each step comes to, and as events: all of it, and what is new since the look
    before."""

    shown: Shown
    bars: Bars
    steps: Steps
    fresh: Freshness
    expires: float
    whole: bytes
    change: bytes | None


def begin(period: str) -> str:
    """When a period begins, as addresses have it in `from`."""
    return "today" if period == "today" else f"-{period}"


class Live:
    """Takes looks."""

    def __init__(self, store: Store, charts: Charts, templates: jinja2.Environment, time_format: str) -> None:
        self._store, self._charts, self._time_format = store, charts, time_format
        self._totals: Any = templates.get_template("live.html").module
        self._records: Any = templates.get_template("records.html").module

    async def take(self, view: View, before: Look | None) -> Look:
        """A new look at a view; the one before, if nothing in it has changed."""
        now = datetime.now(UTC)
        period = make_period(begin(view.period), None, None, view.zone, now, view.width)
        series = view.series or None
        appearance = Appearance(self._time_format, view.width, WIDTHS[view.width], short_labels=True)
        picture = await self._charts.picture(ChartQuestion(period, period.unfinished(now), appearance, series=series))
        specs, bars = _drawn(picture, before)
        fresh = await freshness(self._store.facts, picture.numbers.until, series, before.fresh if before else None)
        shown = await self._shown(view, Selection(period.start, period.end, series), specs, fresh, now)
        # when the running minute is over, its plan is due, which the totals say even if nothing is written
        return _look(before, shown, bars, steps(picture), fresh, now.timestamp() // 60 * 60 + 60)

    async def _shown(
        self, view: View, selection: Selection, specs: msgspec.Raw, fresh: Freshness, now: datetime
    ) -> Shown:
        totals = await self._store.glances.totals(selection, now)
        records = await self._store.records.newest(NEWEST, selection)
        empty = not totals.readings and not await self._store.glances.any()
        zone = ZoneInfo(view.zone)
        return Shown(
            specs,
            str(self._totals.totals(totals, zone, day(now, zone))),
            str(self._records.rows(records, zone)),
            view.zone,
            fresh.newest.timestamp() if fresh.newest else None,
            fresh.patience,
            empty,
        )


@asynccontextmanager
async def open_feed(
    store: Store, charts: Charts, time_format: str, metrics: Metrics
) -> AsyncIterator[Feed[View, Look]]:
    """What keeps live pages moving; on a server that others may write to as well, it asks now and then."""
    live = Live(store, charts, templates(), time_format)
    committed = None if store.server.embedded else store.glances.committed
    async with polling(Feed(live.take, committed, metrics, event("beat", None))) as feed:
        yield feed


def _drawn(picture: Picture, before: Look | None) -> tuple[msgspec.Raw, Bars]:
    """The specifications without the bars, and the bars, which are the same in every theme."""
    made = spec(picture)
    bars = {bar["from"]: bar for bar in made["datasets"].pop("bars")}
    plain = _encode(made)
    if before is not None and bytes(before.shown.specs).startswith(b'{"light":' + plain + b',"'):
        return before.shown.specs, bars
    dark = spec(msgspec.structs.replace(picture, theme="dark"))
    del dark["datasets"]["bars"]
    return msgspec.Raw(b'{"light":%b,"dark":%b}' % (plain, _encode(dark))), bars


def _look(before: Look | None, shown: Shown, bars: Bars, steps: Steps, fresh: Freshness, expires: float) -> Look:
    content = msgspec.structs.asdict(shown)
    whole = event("whole", {**content, "bars": list(bars.values()), "steps": list(steps.values())})
    if before is None or shown.specs is not before.shown.specs or not before.bars.keys() <= bars.keys():
        return Look(shown, bars, steps, fresh, expires, whole, None)
    if shown == before.shown and bars == before.bars and steps == before.steps:
        return before
    del content["specs"]
    change = {**content, "bars": _news(bars, before.bars), "steps": _news(steps, before.steps)}
    return Look(shown, bars, steps, fresh, expires, whole, event("change", change))


def _news(now: dict[float, T], before: dict[float, T]) -> list[T]:
    return [one for at, one in now.items() if before.get(at) != one]
