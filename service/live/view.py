"""The views of the live page: the chart of a period, its totals and the newest records. A snapshot of a view has them
as HTML, for the page when it is loaded, and as events, for while it is open."""

from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import jinja2
import msgspec

from service.charts.answering import Charts
from service.charts.drawing.picture import Picture
from service.charts.drawing.spec import spec
from service.charts.legible import legible_period
from service.charts.question import Appearance, ChartQuestion
from service.live.freshness import Freshness, freshness
from service.live.server_sent_events import event
from service.live.step_texts import StepText, step_texts
from service.period.ends import Asked, read_ends
from service.period.kept import coarser, in_kept_steps
from service.period.selection import Selection, SeriesFilter
from service.period.shifts import Shifts
from service.period.steps import Period
from service.store import Excerpt, Store
from service.web.pages import day

WIDTHS = {290: 290, 360: 300, 560: 360, 760: 400, 1080: 420}
"""The widths that charts are made for, with their heights; browsers stretch the charts a little."""
NEWEST_RECORDS = 12
"""How many records the page shows."""

_encode = msgspec.json.Encoder().encode
Bars = dict[float, dict[str, Any]]
StepTexts = dict[float, StepText]
T = TypeVar("T")


class View(msgspec.Struct, frozen=True):
    """What a viewer has chosen to see. All viewers who have chosen the same share one view."""

    span: Asked
    series: SeriesFilter
    zone: str
    width: int


class ViewContent(msgspec.Struct, frozen=True):
    """What a view shows at one time, apart from the bars and the texts of steps.

    `specs` has the specification of the chart, without bars, in every theme; `totals` and `records` are HTML. `newest`
    is when the newest fact came, in seconds since 1970, and the next one is overdue `patience` seconds later; None
    where the period is over, and none is awaited. `start` and `until` are its ends, by the clock of `zone`. `empty`
    means that there is no reading at all that the viewer may see.
    """

    specs: msgspec.Raw
    totals: str
    records: str
    zone: str
    newest: float | None
    patience: float | None
    empty: bool
    start: str
    until: str


class ViewSnapshot(msgspec.Struct, frozen=True):
    """What a view shows at one time; and as two events all of it, and what is new since the snapshot before."""

    content: ViewContent
    bars: Bars
    steps: StepTexts
    fresh: Freshness
    expires: float
    whole: bytes
    change: bytes | None


class ViewReader:
    """Takes the snapshots of views, from the store and the charts."""

    def __init__(
        self, store: Store, charts: Charts, templates: jinja2.Environment, looks: Appearance, shifts: Shifts
    ) -> None:
        self._store, self._charts, self._looks, self._shifts = store, charts, looks, shifts
        self._totals: Any = templates.get_template("live.html").module
        self._records: Any = templates.get_template("records.html").module

    async def take(self, view: View, before: ViewSnapshot | None) -> ViewSnapshot:
        """A snapshot of a view as it is now, or the one before if nothing in it has changed."""
        now = datetime.now(UTC)
        ends = read_ends(view.span, view.zone, now, self._shifts)
        wanted = legible_period(ends.start, ends.until, None, view.zone, now, view.width)
        kept = self._store.retention.kept
        period = wanted if kept.minutes is None else in_kept_steps(wanted, kept, lambda _: ())
        series = view.series
        looks = msgspec.structs.replace(self._looks, width=view.width, height=WIDTHS[view.width], short_labels=True)
        picture = await self._charts.picture(
            ChartQuestion(
                period,
                period.unfinished(now),
                looks,
                series=series,
                now=period.line_at(now),
                shift=ends.shift,
                coarser=coarser(kept, wanted.start) if period != wanted else None,
            )
        )
        specs, bars = _drawn(picture, before)
        fresh = await freshness(self._store.facts, picture.numbers.until, series, before.fresh if before else None)
        content = await self._content(view, picture, specs, fresh, now)
        # when the running minute is over, its plan is due and counts in the totals, even if nothing is written
        return _snapshot(before, content, bars, step_texts(picture), fresh, now.timestamp() // 60 * 60 + 60)

    def _rows(self, found: Excerpt, zone: ZoneInfo) -> str:
        """The newest records and, if these are all that are kept of them, from when on that is."""
        is_last = found.since is not None and len(found.items) == found.total
        return str(self._records.rows(found.items, zone)) + (
            str(self._records.gone(found.since, zone)) if is_last else ""
        )

    async def _content(
        self, view: View, picture: Picture, specs: msgspec.Raw, fresh: Freshness, now: datetime
    ) -> ViewContent:
        period = picture.period
        totals = await self._store.overview.totals(Selection(period.start, period.end, view.series), now)
        newest_of = _until_now(period, view.series, now)
        records = await self._store.records.at(0, NEWEST_RECORDS, newest_of, down=True)
        empty = not totals.readings and not await self._store.overview.has_readings(view.series.patterns)
        zone, is_over = ZoneInfo(view.zone), period.end <= now
        newest = None if is_over and picture.numbers.until is None else fresh.newest
        return ViewContent(
            specs,
            str(self._totals.totals(totals, zone, day(now, zone), picture.now is not None)),
            self._rows(records, zone),
            view.zone,
            newest.timestamp() if newest else None,
            None if is_over else fresh.patience,
            empty,
            *(f"{one.astimezone(zone):%Y-%m-%d %H:%M}" for one in (period.start, period.end)),
        )


def _until_now(period: Period, series: SeriesFilter, now: datetime) -> Selection:
    """The readings of a period whose time has come; all where it lies ahead. Plans of later on aren't the newest."""
    minute = now.replace(second=0, microsecond=0) + timedelta(minutes=1)
    return Selection(period.start, min(period.end, minute) if period.start <= now else period.end, series)


def _drawn(picture: Picture, before: ViewSnapshot | None) -> tuple[msgspec.Raw, Bars]:
    """The specifications without the bars, and the bars, which are the same in every theme. If the specifications are
    those of the snapshot before, so is the object."""
    made = spec(picture)
    bars = {bar["from"]: bar for bar in made["datasets"].pop("bars")}
    plain = _encode(made)
    if before is not None and bytes(before.content.specs).startswith(b'{"light":' + plain + b',"'):
        return before.content.specs, bars
    dark = spec(msgspec.structs.replace(picture, theme="dark"))
    del dark["datasets"]["bars"]
    return msgspec.Raw(b'{"light":%b,"dark":%b}' % (plain, _encode(dark))), bars


def _snapshot(
    before: ViewSnapshot | None, content: ViewContent, bars: Bars, steps: StepTexts, fresh: Freshness, expires: float
) -> ViewSnapshot:
    fields = msgspec.structs.asdict(content)
    whole = event("whole", {**fields, "bars": list(bars.values()), "steps": list(steps.values())})
    if before is None or content.specs is not before.content.specs or not before.bars.keys() <= bars.keys():
        return ViewSnapshot(content, bars, steps, fresh, expires, whole, None)
    if content == before.content and bars == before.bars and steps == before.steps:
        return before
    del fields["specs"]
    change = {**fields, "bars": _changed(bars, before.bars), "steps": _changed(steps, before.steps)}
    return ViewSnapshot(content, bars, steps, fresh, expires, whole, event("change", change))


def _changed(now: dict[float, T], before: dict[float, T]) -> list[T]:
    """The items that are new, or differ from those before."""
    return [one for at, one in now.items() if before.get(at) != one]
