"""Watches TimescaleDB's background jobs, which report their failures to nobody, and runs those that are late."""

import time

import msgspec
import structlog

from service.errors import TaktlineError
from service.store import Job, Store

log = structlog.stdlib.get_logger("jobs")


class JobWatch:
    """The state of the jobs as last read from the database, for /readyz and /metrics. Changes of it are logged."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._looked = time.monotonic()
        self._known: tuple[Job, ...] = ()
        self._errors: dict[int, str] = {}
        self._logged: dict[int, str] = {}

    def jobs(self) -> tuple[Job, ...]:
        """Every job as last read, with its age up to now."""
        passed = time.monotonic() - self._looked
        return tuple(
            msgspec.structs.replace(job, age=job.age + passed, error=self._errors.get(job.id, job.error))
            for job in self._known
        )

    def troubles(self) -> list[str]:
        """A sentence for each job that is late or failing."""
        return [_sentence(job) for job in self.jobs() if job.in_trouble]

    async def look(self) -> None:
        """Read the state of the jobs, and log which of them got into trouble or out of it."""
        self._known, self._looked = await self._store.jobs.all(), time.monotonic()
        for job in self.jobs():
            if job.in_trouble and self._logged.get(job.id) != job.state:
                self._logged[job.id] = job.state
                log.warning("a background job is in trouble", job=job.id, why=_sentence(job))
            elif job.id in self._logged and job.state in ("ok", "paused"):  # a job that is running may still fail
                del self._logged[job.id]
                log.info("a background job is well again", job=job.id, name=job.name)

    async def round(self) -> None:
        """Run the jobs that are late, or all of them on the embedded engine, which has no background workers; then
        reads their state."""
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
