"""Work that somebody else may be doing at the same moment.

TimescaleDB refuses a refresh where its own job, another replica or a person is refreshing the same, and what changes
its catalogue then may fail as well. Whoever is refused waits and tries again; what the other has done by then is done.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

import asyncpg
import structlog

from service.errors import TaktlineError

PATIENCE = 60.0
"""Seconds until the last attempt, at most, where nobody says otherwise."""
LONG_PATIENCE = 1800.0
"""The same where much may have to be refreshed by the other, as after an import or an upgrade."""
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0
"""Seconds between two attempts: at first, and after a while."""

STATES = {
    "55P03",  # lock_not_available: "could not refresh continuous aggregate … due to a concurrent refresh"
    "40P01",  # deadlock_detected
    "40001",  # serialization_failure
}
CATALOGUE = "tuple concurrently "
"""So begins what PostgreSQL says, as an internal error, where two change or delete the same row of a catalogue."""

T = TypeVar("T")
log = structlog.stdlib.get_logger("conflicts")


async def insist(work: Callable[[], Awaitable[T]], patience: float = PATIENCE) -> T:
    """Do some work that can be done again from the beginning; where somebody else is in the way, wait and try again.

    Any other error, or the last one after `patience` seconds, is raised as it is.
    """
    loop = asyncio.get_running_loop()
    give_up, pause = loop.time() + patience, FIRST_PAUSE
    while True:
        try:
            return await work()
        except (TaktlineError, asyncpg.PostgresError) as exc:
            if not is_conflict(exc) or loop.time() + pause > give_up:
                raise
            if pause == FIRST_PAUSE:
                log.info("waiting for somebody else who works on the same", why=str(exc))
        # two who were refused together don't meet again
        await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311
        pause = min(2 * pause, LONGEST_PAUSE)


def is_conflict(error: BaseException | None) -> bool:
    """Whether this error, or the one that it was made of, says that somebody else is in the way."""
    if isinstance(error, asyncpg.PostgresError):
        return error.sqlstate in STATES or str(error).startswith(CATALOGUE)
    return error is not None and is_conflict(error.__cause__)
