"""TimescaleDB's background jobs: reads their state, and runs them."""

from datetime import datetime, timedelta
from functools import partial
from typing import Literal

import asyncpg
import msgspec

from service.errors import TaktlineError
from service.store.conflicts import insist
from service.store.database import DatabaseServer
from service.store.pool import Pool

POLICIES = {
    "policy_refresh_continuous_aggregate": "refresh",
    "policy_compression": "columnstore",
    "policy_retention": "retention",
}
"""A short name for what each of TimescaleDB's own procedures does."""

State = Literal["ok", "running", "paused", "failing", "late"]


class Job(msgspec.Struct, frozen=True):
    """A job: what it does, and to which relation. A job is `late` when it hasn't succeeded for three of its intervals,
    and `failing` when it succeeds only where the service runs it.

    `succeeded` is when the server last ran it with success, `by_service` when the service did. `age` is the time in
    seconds since the later of the two, or since the service first saw the job. `error` is the error of the server's
    last run.
    """

    id: int
    policy: str
    relation: str | None
    every: timedelta
    succeeded: datetime | None
    by_service: datetime | None
    failures: int
    age: float
    state: State
    error: str | None

    @property
    def last_success(self) -> datetime | None:
        """When it last succeeded, whoever ran it."""
        return max((one for one in (self.succeeded, self.by_service) if one is not None), default=None)

    @property
    def in_trouble(self) -> bool:
        """Whether the server doesn't get it done."""
        return self.state in ("late", "failing")

    @property
    def name(self) -> str:
        return f"{self.policy} of {self.relation}" if self.relation else self.policy


class Jobs:
    """The jobs of this installation; there are none on the Apache edition."""

    def __init__(self, pool: Pool, server: DatabaseServer) -> None:
        self._pool, self._embedded = pool, server.embedded

    async def all(self) -> tuple[Job, ...]:
        """The present state of every job."""
        await self._pool.execute("know_jobs")
        return await self.known()

    async def known(self) -> tuple[Job, ...]:
        """The present state of every job that a service has known so far; nothing is changed."""
        return tuple(self._job(row) for row in await self._pool.read("jobs"))

    async def run(self, job: Job) -> bool:
        """Run a job, on one replica at a time. Returns False where another replica has run it since `job` was read."""
        if self._embedded:
            await self._pool.execute("refresh_at_once")
        if not await self._pool.read("claim_job", job.id, job.by_service):
            return False
        try:
            await insist(partial(self._pool.execute, "run_job", job.id))
        except TaktlineError:
            await self._pool.execute("end_job", job.id, False)
            raise
        await self._pool.execute("end_job", job.id, True)
        return True

    async def move_after(self, after: timedelta) -> None:
        """Let chunks of readings move to the columnstore so long after their end."""
        await self._pool.execute("compress_after", after)

    def _job(self, row: asyncpg.Record) -> Job:
        return Job(
            row["id"],
            POLICIES.get(row["procedure"], row["procedure"]),
            row["relation"],
            row["every"],
            row["succeeded"],
            row["ended"],
            row["failures"],
            row["age"],
            self._state(row),
            row["error"],
        )

    def _state(self, row: asyncpg.Record) -> State:
        if row["is_running"]:
            return "running"
        if row["is_paused"]:
            return "paused"
        if row["late"]:
            return "late"
        # the embedded engine has no background workers: there the service runs every job
        return "failing" if row["late_here"] and not self._embedded else "ok"
