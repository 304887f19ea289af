"""Repeats work that conflicts with the same work elsewhere.

TimescaleDB refuses to refresh a rollup while its own job, another replica or a person is refreshing the same one.
Statements that change its catalogue may fail meanwhile as well. In both cases the service waits and tries again; what
the other one has refreshed by then needn't be refreshed again.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

import asyncpg
import structlog

from service.errors import TaktlineError

PATIENCE = 60.0
"""Seconds after which no further attempt is made, by default."""
LONG_PATIENCE = 1800.0
"""The same where the other one may have very much to refresh, as after an import or an upgrade."""
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0
"""Seconds between the first two attempts, and between later ones at most."""

STATES = {
    "55P03",  # lock_not_available: "could not refresh continuous aggregate … due to a concurrent refresh"
    "40P01",  # deadlock_detected
    "40001",  # serialization_failure
}
CATALOGUE = "tuple concurrently "
"""The beginning of PostgreSQL's message where two sessions change or delete the same row of its catalogue, which it
reports as an internal error."""

T = TypeVar("T")
log = structlog.stdlib.get_logger("conflicts")


async def insist(work: Callable[[], Awaitable[T]], patience: float = PATIENCE) -> T:
    """Do work that can be repeated from the beginning, and repeat it after a pause where it conflicts with somebody
    else's.

    Any other error is raised as it is, and so is a conflict after `patience` seconds.
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
                log.info("waiting for another session that works on the same relation", why=str(exc))
        # a random pause, so that two processes that were in each other's way don't try again at the same moment
        await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311
        pause = min(2 * pause, LONGEST_PAUSE)


def is_conflict(error: BaseException | None) -> bool:
    """Whether this error or one of its causes is a conflict with another session."""
    if isinstance(error, asyncpg.PostgresError):
        return error.sqlstate in STATES or str(error).startswith(CATALOGUE)
    return error is not None and is_conflict(error.__cause__)
