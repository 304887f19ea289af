"""The feed of all pages that are live: the live page, and boards."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeAlias, assert_never, cast

from service.board.reading import Boards
from service.charts.answering import Charts
from service.charts.question import Appearance
from service.live.board_view import BoardReader, BoardSnapshot, BoardView
from service.live.feed import POLL_INTERVAL, Feed, polling
from service.live.page_source import PageSource
from service.live.server_sent_events import event
from service.live.view import View
from service.live.view_reader import ViewReader, ViewSnapshot
from service.metrics import Metrics
from service.period.shifts import Shifts
from service.web.pages import templates

AnyView: TypeAlias = View | BoardView
AnySnapshot: TypeAlias = ViewSnapshot | BoardSnapshot


class LiveFeed(Feed[AnyView, AnySnapshot]):
    """The views of the live page, and of boards."""

    async def page(self, view: View, caller: str) -> ViewSnapshot:
        """The newest snapshot of a view of the live page."""
        return cast("ViewSnapshot", await self.current(view, caller))

    async def board(self, view: BoardView, caller: str) -> BoardSnapshot:
        """The newest snapshot of a view of a board."""
        return cast("BoardSnapshot", await self.current(view, caller))


class _Reader:
    """Takes snapshots of whichever kind of view."""

    def __init__(self, source: PageSource, charts: Charts, boards: Boards, looks: Appearance, shifts: Shifts) -> None:
        self._pages = ViewReader(source, charts, templates, looks, shifts)
        self._boards = BoardReader(boards, templates, shifts)

    async def take(self, view: AnyView, before: AnySnapshot | None) -> AnySnapshot:
        """A snapshot of a view as it is now, or the one before if nothing in it has changed."""
        match view:
            case View():
                return await self._pages.take(view, cast("ViewSnapshot | None", before))
            case BoardView():
                return await self._boards.take(view, cast("BoardSnapshot | None", before))
            case _:
                assert_never(view)


@asynccontextmanager
async def open_feed(
    source: PageSource,
    committed: Callable[[], Awaitable[str]] | None,
    charts: Charts,
    boards: Boards,
    looks: Appearance,
    shifts: Shifts,
    metrics: Metrics,
    poll_interval: float = POLL_INTERVAL,
) -> AsyncIterator[LiveFeed]:
    """The feed of the live pages, whose charts look like `looks` but for their size. Where others than this process may
    write, it asks `committed`, as Feed of service/live/feed.py has it, again and again."""
    reader = _Reader(source, charts, boards, looks, shifts)
    made = LiveFeed(reader.take, committed, metrics, event("beat", None), poll_interval=poll_interval)
    async with polling(made) as feed:
        yield feed
