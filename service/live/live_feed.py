"""The feed of all pages that are live: the live page, and boards."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeAlias, assert_never, cast

from service.board.reading import Boards
from service.charts.answering import Charts
from service.charts.question import Appearance
from service.live.board_view import BoardReader, BoardSnapshot, BoardView
from service.live.feed import Feed, polling
from service.live.server_sent_events import event
from service.live.view import View
from service.live.view_reader import ViewReader, ViewSnapshot
from service.metrics import Metrics
from service.period.shifts import Shifts
from service.store import Store
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

    def __init__(self, store: Store, charts: Charts, boards: Boards, looks: Appearance, shifts: Shifts) -> None:
        made = templates()
        self._pages, self._boards = ViewReader(store, charts, made, looks, shifts), BoardReader(boards, made, shifts)

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
    store: Store, charts: Charts, boards: Boards, looks: Appearance, shifts: Shifts, metrics: Metrics
) -> AsyncIterator[LiveFeed]:
    """The feed of the live pages, whose charts look like `looks` but for their size. On a database server it polls,
    since other replicas may write there as well."""
    reader = _Reader(store, charts, boards, looks, shifts)
    committed = None if store.server.embedded else store.overview.committed
    async with polling(LiveFeed(reader.take, committed, metrics, event("beat", None))) as feed:
        yield feed
