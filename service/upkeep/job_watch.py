"""Watches TimescaleDB's background jobs, which fail without a word to anybody, and runs those that are late."""

import time

import msgspec
import structlog

from service.errors import TaktlineError
from service.store import Job, Store

log = structlog.stdlib.get_logger("jobs")


class JobWatch:
    """What is known of the jobs since the last look: for /readyz, for /metrics, and, once, for the log."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._looked = time.monotonic()
        self._known: tuple[Job, ...] = ()
        self._errors: dict[int, str] = {}
        self._told: dict[int, str] = {}

    def jobs(self) -> tuple[Job, ...]:
        """Every job, as at the last look, and older by the time since."""
        passed = time.monotonic() - self._looked
        return tuple(
            msgspec.structs.replace(job, age=job.age + passed, error=self._errors.get(job.id, job.error))
            for job in self._known
        )

    def troubles(self) -> list[str]:
        """A sentence for each job that doesn't do its work by itself."""
        return [_sentence(job) for job in self.jobs() if job.in_trouble]

    async def look(self) -> None:
        """Learn how the jobs fare, and say in the log which of them fare otherwise than before."""
        self._known, self._looked = await self._store.jobs.all(), time.monotonic()
        for job in self.jobs():
            if job.in_trouble and self._told.get(job.id) != job.state:
                self._told[job.id] = job.state
                log.warning("a background job is in trouble", job=job.id, why=_sentence(job))
            elif job.id in self._told and job.state in ("ok", "paused"):  # one that is running may fail yet
                del self._told[job.id]
                log.info("a background job is well again", job=job.id, name=job.name)

    async def round(self) -> None:
        """Run what is late, or everything where the engine has no workers of its own; then look how the jobs fare."""
        self._errors.clear()
        for job in await self._store.jobs.all():
            if job.state == "late" or (self._store.server.embedded and job.state == "ok"):
                await self._run(job)
        await self.look()

    async def _run(self, job: Job) -> None:
        try:
            await self._store.jobs.run(job)
        except TaktlineError as exc:
            self._errors[job.id] = exc.detail


def _sentence(job: Job) -> str:
    cause = f" The last error: {job.error.rstrip('.')}." if job.error else ""
    if job.state == "failing":
        return f"TimescaleDB's job {job.name} succeeds only when the service runs it.{cause}"
    return f"TimescaleDB's job {job.name}, due every {job.every}, hasn't succeeded for {job.age:,.0f} s.{cause}"
