"""TimescaleDB's background jobs: how they fare, and running one from here."""

from datetime import datetime, timedelta
from functools import partial
from typing import Literal

import asyncpg
import msgspec

from service.errors import TaktlineError
from service.store.conflicts import insist
from service.store.database import Server
from service.store.pool import Pool

POLICIES = {
    "policy_refresh_continuous_aggregate": "refresh",
    "policy_compression": "columnstore",
    "policy_retention": "retention",
}
"""What the server's own procedures do, in a word."""

State = Literal["ok", "running", "paused", "failing", "late"]


class Job(msgspec.Struct, frozen=True):
    """A job: what it does, and to which relation. One that is `late` hasn't succeeded for three intervals; one that is
    `failing` succeeds only when the service runs it.

    `succeeded` is when a run of the server's last did, `by_service` when one of ours did; `age` is the time since the
    later of the two in seconds, or since we have known the job; `error` is what the server's last run failed with.
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
    def in_trouble(self) -> bool:
        """Whether it doesn't do its work by itself."""
        return self.state in ("late", "failing")

    @property
    def name(self) -> str:
        """What people call it."""
        return f"{self.policy} of {self.relation}" if self.relation else self.policy


class Jobs:
    """The jobs of this installation; there are none on the Apache edition."""

    def __init__(self, pool: Pool, server: Server) -> None:
        self._pool, self._embedded = pool, server.embedded

    async def all(self) -> tuple[Job, ...]:
        """Every job, as it is now."""
        await self._pool.execute("know_jobs")
        return tuple(self._job(row) for row in await self._pool.read("jobs"))

    async def run(self, job: Job) -> bool:
        """Run a job from here, on one replica at a time; False where another has done so since we looked."""
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
        # the embedded engine has no workers: there the service runs every job
        return "failing" if row["late_here"] and not self._embedded else "ok"
