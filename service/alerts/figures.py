"""Plan, fact and ahead of some series for the metrics, read when somebody asks, at most every few seconds."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime

from service.board.board_period import ends_of_board
from service.collectors import Figure
from service.errors import Unavailable
from service.period.comparison import difference
from service.period.ends import Asked
from service.period.selection import SeriesFilter
from service.period.shifts import Shifts
from service.store.checks import Checks

FRESH = 10.0
"""Seconds for which they are kept."""
PATIENCE = 2.0
"""Seconds that the metrics wait for them; then they have none."""


class Figures:
    """The figures of the running shift or, without shifts, of today."""

    def __init__(self, checks: Checks, names: Sequence[str], zone: str, shifts: Shifts) -> None:
        self._checks, self._names, self._zone, self._shifts = checks, tuple(names), zone, shifts
        self._read, self._lock = -FRESH, asyncio.Lock()
        self.current: tuple[Figure, ...] = ()
        """As last read; none where the database couldn't be asked."""

    async def refresh(self) -> None:
        """Read them unless they are fresh."""
        if not self._names:
            return
        async with self._lock:
            if time.monotonic() - self._read < FRESH:
                return
            self.current = ()
            with suppress(Unavailable, TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    self.current = await self._figures(datetime.now(UTC))
            self._read = time.monotonic()

    async def _figures(self, now: datetime) -> tuple[Figure, ...]:
        ends = ends_of_board(Asked(), self._zone, now, self._shifts)
        if ends.start is None or ends.until is None:
            return ()
        due = min(now.replace(second=0, microsecond=0), ends.until)
        found = await self._checks.behind(ends.start, due, SeriesFilter(self._names), None, split=True)
        return tuple(
            Figure(one.series or "", one.plan, one.fact, difference(one.fact or 0, one.plan or 0)) for one in found
        )
