"""Views of boards: a board as HTML, for the page when it is loaded, and as an event, for while it is open."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

import jinja2
import msgspec

from service.board.board import Board, BoardQuestion, Section
from service.board.board_period import BoardPeriod
from service.board.reading import Boards
from service.languages.directions import isolated
from service.languages.language import ENGLISH, Language, language_named
from service.live.server_sent_events import event
from service.period.comparison import Threshold
from service.period.selection import SeriesFilter
from service.period.shifts import Shift, Shifts
from service.period.standing import Standing
from service.period.steps import Period
from service.period.working_times import moment_before
from service.web.pages import capitalised

WIDE, HIGH, MARGIN = 240.0, 80.0, 4.0
"""The size of the drawing in a wall's tile, in units of its own, and what is left free above and below."""
THREAD_ROWS = 50
"""From so many rows on, HTML is written in a thread, beside the event loop."""
State = Literal["good", "near", "bad", "still", "none"]
_WORST = ("bad", "near", "still", "good", "none")


class BoardLooks(msgspec.Struct, frozen=True):
    """How a board is to look."""

    labels: tuple[str, str]
    unit: str = ""
    title: str | None = None
    threshold: Threshold | None = Threshold()
    stale: timedelta = timedelta(minutes=5)


class BoardView(msgspec.Struct, frozen=True):
    """What a viewer of a board has chosen. All viewers who have chosen the same share one view."""

    period: BoardPeriod
    series: SeriesFilter
    split: bool
    wall: bool
    looks: BoardLooks
    language: str = ENGLISH


class Tile(msgspec.Struct, frozen=True):
    """A series on the wall. `since` is when its newest fact came, if one did, and `spark` has two paths of running
    totals, of plan and fact."""

    name: str
    state: State
    standing: Standing
    since: str | None
    spark: tuple[str, str] | None


class BoardSnapshot(msgspec.Struct, frozen=True):
    """What a board shows at one time: HTML, and the same as an event."""

    html: str
    whole: bytes
    change: bytes | None
    expires: float


class BoardReader:
    """Takes snapshots of boards."""

    def __init__(self, boards: Boards, templates: Callable[[str], jinja2.Environment], shifts: Shifts) -> None:
        self._boards, self._templates, self._shifts = boards, templates, shifts

    async def take(self, view: BoardView, before: BoardSnapshot | None) -> BoardSnapshot:
        """A snapshot of a view as it is now, or the one before if nothing in it has changed."""
        now = datetime.now(UTC)
        period, shift = view.period.at(now, self._shifts)
        trimmed = view.period.is_trimmed(self._shifts)
        # a fact from just before the shift still counts: nobody is silent because a shift begins
        since = moment_before(self._shifts, now, view.looks.stale) if view.wall and _is_running(period, now) else None
        board = await self._boards.read(BoardQuestion(period, view.series, view.split, trimmed, since), now)
        zone = ZoneInfo(period.zone)
        names, language = view.series.names or (), language_named(view.language)
        said = when(period, shift, language)
        parts: Any = self._templates(view.language).get_template("board_parts.html").module
        looks = {
            **msgspec.structs.asdict(view.looks),
            "title": view.looks.title or _title(names, language),
            "when": said,
            "single": len(names) == 1,
            "only": names[0] if len(names) == 1 else "",
        }
        if view.wall:
            shown = tiles(board, view.looks, str(looks["title"]), since, language)
            html = await _written(len(shown), lambda: str(parts.wall(shown, looks, zone, board.away)))
        else:
            rows = sum(len(section.rows) for section in board.sections)
            html = await _written(rows, lambda: str(parts.sections(board, looks, zone)))
        # a minute later more is due, even if nothing is written
        expires = now.timestamp() // 60 * 60 + 60
        if before is not None and (before.html, before.expires) == (html, expires):
            return before
        whole = event("board", {"html": html, "when": said})
        return BoardSnapshot(html, whole, whole, expires)


async def _written(rows: int, write: Callable[[], str]) -> str:
    """HTML of so many rows; beside the event loop where there are many."""
    return write() if rows < THREAD_ROWS else await asyncio.to_thread(write)


def _title(names: Sequence[str], language: Language) -> str:
    """What is shown, where nobody gave a title."""
    shown = ", ".join(map(isolated, names[:3]))
    if len(names) > 3:
        return language.gettext("%(series)s and %(number)s more", series=shown, number=len(names) - 3)
    return shown or language.gettext("All series")


def when(period: Period, shift: Shift | None, language: Language) -> str:
    """The period in words, with the shift that it is, if it is one."""
    name = ""
    if shift is not None:
        name = language.gettext("%(name)s shift", name=isolated(capitalised(shift.name))) + " · "
    zone, times = ZoneInfo(period.zone), language.times
    ends = {"day": times.long_day(period.start, zone), "start": times.clock(period.start, zone)}
    ends |= {"last_day": times.long_day(period.end, zone), "end": times.clock(period.end, zone)}
    if period.start.astimezone(zone).date() == period.end.astimezone(zone).date():
        said = language.gettext("%(day)s, %(start)s to %(end)s", **ends)
    else:
        said = language.gettext("%(day)s, %(start)s to %(last_day)s, %(end)s", **ends)
    return f"{name}{said} · {period.zone}"


def tiles(board: Board, looks: BoardLooks, title: str, awaited: datetime | None, language: Language) -> list[Tile]:
    """A tile for each section, the worst first. That of all the series together has the `title` of the board. One
    stands still that has no fact since `awaited`; None where no facts are awaited."""
    made = [_tile(board, section, looks, title, awaited, language) for section in board.sections]
    return sorted(made, key=lambda tile: (_WORST.index(tile.state), tile.standing.attained or 0, tile.name))


def _tile(
    board: Board, section: Section, looks: BoardLooks, title: str, awaited: datetime | None, language: Language
) -> Tile:
    name, since = section.name or title, None
    if section.others:
        name = language.ngettext("%(num)s other", "%(num)s others", section.others)
    if section.newest is not None:
        since = language.times.clock(section.newest - timedelta(minutes=1), ZoneInfo(board.period.zone))
    return Tile(name, _state(section, looks, awaited), section.standing, since, _spark(section))


def _state(section: Section, looks: BoardLooks, awaited: datetime | None) -> State:
    standing = section.standing
    if standing.plan is None and section.newest is None:
        return "none"
    if awaited is not None and (section.newest is None or section.newest < awaited):
        return "still"
    if standing.plan is None:
        return "none"
    fact = standing.fact or 0
    if not Threshold().is_missed(standing.plan, fact):
        return "good"
    return "near" if looks.threshold is None or not looks.threshold.is_missed(standing.plan, fact) else "bad"


def _is_running(period: Period, now: datetime) -> bool:
    return period.start <= now < period.end


def _spark(section: Section) -> tuple[str, str] | None:
    """The paths of the totals of plan and fact over the period."""
    most = max((max(row.plan_total, row.fact_total or 0) for row in section.rows), default=0)
    if most <= 0 or len(section.rows) < 2:
        return None
    plans = [0.0, *(row.plan_total for row in section.rows)]
    # before the first plan or fact of a series, no total is known
    begun = [row for row in section.rows if not row.is_to_come]
    facts = [0.0, *(row.fact_total or 0.0 for row in begun)]
    wide, high = WIDE / len(section.rows), (HIGH - 2 * MARGIN) / most
    return _path(plans, wide, high), _path(facts, wide, high)


def _path(totals: Sequence[float], wide: float, high: float) -> str:
    points = (f"{number * wide:.1f} {HIGH - MARGIN - high * total:.1f}" for number, total in enumerate(totals))
    return "M" + " L".join(points)
