"""The views of the live page: the chart of a period, its totals and the newest records. A snapshot of a view has them
as HTML, for the page when it is loaded, and as events, for while it is open."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import jinja2
import msgspec

from service.charts.answering import Charts
from service.charts.drawing.picture import Picture
from service.charts.drawing.spec import spec
from service.charts.question import Appearance, ChartQuestion
from service.languages.language import language_named
from service.live.freshness import Freshness
from service.live.page_source import PageSource
from service.live.server_sent_events import event
from service.live.step_texts import StepText, step_texts
from service.live.view import View, totals_of, totals_question
from service.period.selection import Selection, SeriesFilter
from service.period.shifts import Shifts
from service.period.steps import Period
from service.period.working_times import moment_after
from service.store import Excerpt
from service.store.totals import Totals

NEWEST_RECORDS = 12
"""How many records the page shows."""

_encode = msgspec.json.Encoder().encode
Bars = dict[float, dict[str, Any]]
StepTexts = dict[float, StepText]
T = TypeVar("T")


class ViewContent(msgspec.Struct, frozen=True):
    """What a view shows at one time, apart from the bars and the texts of steps.

    `specs` has the specification of the chart, without bars and lines, in every theme, and `lines` the rows of its
    running totals; `totals` and `records` are HTML. `newest` is when the newest fact came, in seconds since 1970, and
    the next one is overdue `patience` seconds later, breaks and nights between them included; None where the period is
    over, and none is awaited. `start` and `until` are its ends, by the clock of `zone`. `empty` means that
    there is no reading at all that the viewer may see.
    """

    specs: msgspec.Raw
    lines: msgspec.Raw
    totals: str
    records: str
    zone: str
    newest: float | None
    patience: float | None
    empty: bool
    start: str
    until: str


class ViewSnapshot(msgspec.Struct):
    """What a view shows at one time; and as two events all of it, and what is new since the snapshot before. One that
    still holds when it expires does so until later."""

    content: ViewContent
    bars: Bars
    steps: StepTexts
    fresh: Freshness
    expires: float
    whole: bytes
    change: bytes | None


class ViewReader:
    """Takes the snapshots of views, from charts and from what there is beside them."""

    def __init__(
        self,
        source: PageSource,
        charts: Charts,
        templates: Callable[[str], jinja2.Environment],
        looks: Appearance,
        shifts: Shifts,
    ) -> None:
        self._source, self._charts, self._looks, self._shifts = source, charts, looks, shifts
        self._templates = templates

    async def take(self, view: View, before: ViewSnapshot | None) -> ViewSnapshot:
        """A snapshot of a view as it is now, or the one before if nothing in it has changed."""
        now = datetime.now(UTC)
        question = view.question(self._looks, now, self._shifts, self._source.kept)
        picture, series = await self._charts.picture(question), view.series
        specs, bars, lines = _drawn(picture, before)
        fresh = await self._source.freshness(picture.numbers.until, series, before.fresh if before else None)
        content = await self._content(view, question, picture, (specs, lines), fresh, now)
        # when the running minute is over, its plan is due and counts in the totals, even if nothing is written
        return _snapshot(before, content, bars, step_texts(picture), fresh, now.timestamp() // 60 * 60 + 60)

    async def _content(
        self,
        view: View,
        question: ChartQuestion,
        picture: Picture,
        drawn: tuple[msgspec.Raw, msgspec.Raw],
        fresh: Freshness,
        now: datetime,
    ) -> ViewContent:
        period = picture.period
        whole = Selection(period.start, period.end, question.series)
        of_minutes = None if view.choice.has_own_totals else await self._source.totals(whole, now)
        totals = of_minutes or await self._totals_of_chart(question, now)
        records = await self._source.newest(_until_now(period, view.series, now), NEWEST_RECORDS)
        empty = not totals.readings and not await self._source.has_readings(view.series.patterns)
        zone, is_over, language = ZoneInfo(view.zone), period.end <= now, language_named(view.language)
        sums, rows = self._macros(view.language, "live.html"), self._macros(view.language, "records.html")
        today, before = language.times.day(now, zone), view.choice.earlier
        compared = before.in_words(language) if before else None
        reaches_on = picture.now is not None
        newest = None if is_over and picture.numbers.until is None else fresh.newest
        return ViewContent(
            *drawn,
            str(sums.totals(totals, zone, today, reaches_on, of_minutes is None, compared, picture.numbers.away)),
            "" if records is None else _rows(rows, records, zone),
            view.zone,
            newest.timestamp() if newest else None,
            None if is_over else self._patience(fresh),
            empty,
            *(f"{one.astimezone(zone):%Y-%m-%d %H:%M}" for one in (period.start, period.end)),
        )

    def _patience(self, fresh: Freshness) -> float | None:
        """Seconds from the newest fact until the next one is overdue; breaks and times without a shift don't count."""
        if fresh.newest is None or fresh.patience is None:
            return fresh.patience
        overdue = moment_after(self._shifts, fresh.newest, timedelta(seconds=fresh.patience))
        return (overdue - fresh.newest).total_seconds()

    def _macros(self, language: str, name: str) -> Any:
        """The macros of a template."""
        return self._templates(language).get_template(name).module

    async def _totals_of_chart(self, question: ChartQuestion, now: datetime) -> Totals:
        """The totals of what the chart shows."""
        period = question.period
        numbers = await self._charts.numbers(totals_question(question, now))
        return totals_of(numbers, min(period.end, now.replace(second=0, microsecond=0)))


def _rows(macros: Any, found: Excerpt, zone: ZoneInfo) -> str:
    """The newest records and, if these are all that are kept of them, from when on that is."""
    rows = str(macros.rows(found.items, zone))
    is_last = found.since is not None and len(found.items) == found.total
    return rows + str(macros.gone(found.since, zone)) if is_last else rows


def _until_now(period: Period, series: SeriesFilter, now: datetime) -> Selection:
    """The readings of a period whose time has come; all where it lies ahead. Plans of later on aren't the newest."""
    minute = now.replace(second=0, microsecond=0) + timedelta(minutes=1)
    return Selection(period.start, min(period.end, minute) if period.start <= now else period.end, series)


def _drawn(picture: Picture, before: ViewSnapshot | None) -> tuple[msgspec.Raw, Bars, msgspec.Raw]:
    """The specifications without what changes with every reading, the bars, and the lines of running totals, which are
    the same in every theme. If the specifications are those of the snapshot before, so is the object."""
    made = spec(picture)
    bars = {bar["from"]: bar for bar in made["datasets"].pop("bars")}
    lines = msgspec.Raw(_encode(made["datasets"].pop("totals")))
    plain = _encode(made)
    if before is not None and bytes(before.content.specs).startswith(b'{"light":' + plain + b',"'):
        return before.content.specs, bars, lines
    dark = spec(msgspec.structs.replace(picture, theme="dark"))
    del dark["datasets"]["bars"], dark["datasets"]["totals"]
    return msgspec.Raw(b'{"light":%b,"dark":%b}' % (plain, _encode(dark))), bars, lines


def _snapshot(
    before: ViewSnapshot | None, content: ViewContent, bars: Bars, steps: StepTexts, fresh: Freshness, expires: float
) -> ViewSnapshot:
    fields = msgspec.structs.asdict(content)
    whole = event("whole", {**fields, "bars": list(bars.values()), "steps": list(steps.values())})
    if before is None or content.specs is not before.content.specs or not _follow(bars, before.bars):
        return ViewSnapshot(content, bars, steps, fresh, expires, whole, None)
    if content == before.content and bars == before.bars and steps == before.steps:
        before.expires = expires
        return before
    del fields["specs"]
    change = {**fields, "bars": _changed(bars, before.bars), "steps": _changed(steps, before.steps)}
    return ViewSnapshot(content, bars, steps, fresh, expires, whole, event("change", change))


def _follow(bars: Bars, before: Bars) -> bool:
    """Whether browsers, which add new bars behind those that they have, get them in the order in which they are drawn
    over each other."""
    return list(bars)[: len(before)] == list(before)


def _changed(now: dict[float, T], before: dict[float, T]) -> list[T]:
    """The items that are new, or differ from those before."""
    return [one for at, one in now.items() if before.get(at) != one]
