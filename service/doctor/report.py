"""What the doctor reports: what is configured and found, and warnings, each with what mends it. Values only."""

from datetime import timedelta

import msgspec

from service.period.lifetimes import Lifetimes, in_days
from service.store.database import DatabaseServer
from service.store.examination import Findings

MOST_SKEW = timedelta(seconds=2)
"""How far the clocks of the service and of the database may be apart; minutes are due by the service's, and late by the
database's."""
CROWDED = 8
"""What touches all chunks takes several locks for each. Where there are more chunks than one in so many of the server's
locks, it may fail."""
FAILING_JOBS = {("17.12", "2.29.2")}
"""Versions of PostgreSQL and TimescaleDB with which each run of a job ends as failed, after its work is done: "cannot
drop portal"."""


class Configured(msgspec.Struct, frozen=True):
    """A setting that isn't at its default: its value, unless that is a secret, and where it is set."""

    name: str
    value: str
    where: str


class Warn(msgspec.Struct, frozen=True):
    """What is wrong, or may go wrong, and the setting or the command that mends it."""

    what: str
    mend: str


class Report(msgspec.Struct, frozen=True):
    """All that one page shows."""

    version: str
    place: str
    schema: str
    server: DatabaseServer
    configured: tuple[Configured, ...]
    lifetimes: Lifetimes
    pending: tuple[str, ...]
    """The files of SQL that this version would apply at its start."""
    findings: Findings | None
    """None where the schema isn't there yet."""
    is_open: bool
    """Whether anybody who reaches the service may do everything, so far as the settings say, and it is reached from
    elsewhere."""
    slips: dict[str, str] = {}
    """Names that are nearly those of settings, and which settings these are."""

    @property
    def warnings(self) -> tuple[Warn, ...]:
        """The most important first."""
        found = () if self.findings is None else (*_of_health(self.findings), *_of_keeping(self, self.findings))
        slips = (Warn(f"{name} isn't a setting", f"{meant}, if that is meant") for name, meant in self.slips.items())
        return (*found, *_of_versions(self), *_of_access(self), *slips)


def _of_health(found: Findings) -> list[Warn]:
    health, made = found.health, []
    for setting, is_on in (("fsync", health.fsync), ("full_page_writes", health.full_page_writes)):
        if not is_on:
            made.append(
                Warn(
                    f"{setting} is off: a crash may destroy the database",
                    f"{setting} = on in postgresql.conf, and reload",
                )
            )
    if not health.synchronous_commit:
        made.append(
            Warn(
                "synchronous_commit is off: a crash may lose readings that were acknowledged",
                "alter database … set synchronous_commit = on",
            )
        )
    if not health.autovacuum:
        made.append(Warn("autovacuum is off: tables only grow", "autovacuum = on in postgresql.conf, and reload"))
    if health.is_replica:
        made.append(Warn("the server is a read-only replica: nothing can be written", "DATABASE_URL of the primary"))
    if abs(health.ahead) > MOST_SKEW:
        way = "ahead of" if health.ahead > timedelta() else "behind"
        made.append(
            Warn(
                f"the database's clock is {abs(health.ahead).total_seconds():.1f} s {way} this machine's",
                "NTP on both (timedatectl set-ntp true)",
            )
        )
    chunks = sum(one.chunks or 0 for one in found.tables)
    if chunks > health.locks / CROWDED:
        made.append(
            Warn(
                f"{chunks:,} chunks, and {health.locks:,} locks: what touches many chunks may fail",
                "a larger max_locks_per_transaction in postgresql.conf, or RETENTION_READINGS",
            )
        )
    return made


def _of_keeping(report: Report, found: Findings) -> list[Warn]:
    made = []
    for job in found.jobs:
        if job.in_trouble:
            cause = f": {job.error.rstrip('.')}" if job.error else ""
            made.append(
                Warn(f"TimescaleDB's job {job.name} is {job.state}{cause}", f"call run_job({job.id}), and its cause")
            )
        elif job.state == "paused":
            made.append(
                Warn(f"TimescaleDB's job {job.name} is paused", f"select alter_job({job.id}, scheduled => true)")
            )
    if found.lag is not None and found.lag.is_behind:
        made.append(
            Warn(
                f"readings since {found.lag.watermark:%Y-%m-%d %H:%M} UTC aren't in the rollups yet: charts are slow",
                "a running service, or call run_job(…) for the refreshes above",
            )
        )
    asked, windows = report.lifetimes.readings, found.refreshed
    if asked is not None and windows is not None and windows >= asked:
        made.append(
            Warn(
                f"a job refreshes rollups for the last {in_days(windows)}, which would erase what readings "
                f"said that are older than RETENTION_READINGS, {in_days(asked)}; nothing is dropped",
                "RETENTION_READINGS a day longer, or a shorter start_offset (alter_job)",
            )
        )
    if asked is None and found.kept.readings is not None:
        made.append(
            Warn(
                f"readings before {found.kept.readings:%Y-%m-%d} were dropped, and none will be any more",
                "RETENTION_READINGS, if that was unset by mistake",
            )
        )
    if found.earlier:
        made.append(
            Warn(
                f"{found.earlier} of {found.writing} writers are of an earlier version", "this version on all replicas"
            )
        )
    return made


def _of_versions(report: Report) -> list[Warn]:
    made, server = [], report.server
    if report.pending:
        count = len(report.pending)
        made.append(Warn(f"the schema isn't that of this version: {count} files are to be applied", "taktline migrate"))
    if server.embedded:
        made.append(Warn("the embedded engine is for a first look", "DATABASE_URL of a TimescaleDB server"))
    if (server.postgresql.split()[0], server.timescaledb) in FAILING_JOBS:
        made.append(
            Warn(
                f"with PostgreSQL {server.postgresql.split()[0]}, each run of a job of TimescaleDB "
                f"{server.timescaledb} ends as failed, and the next one waits longer; the service runs what is late",
                "another minor version of one of them",
            )
        )
    return made


def _of_access(report: Report) -> list[Warn]:
    if report.is_open:
        return [
            Warn(
                "there is no key: whoever reaches the service may do everything",
                "taktline keys add admin --scope admin, or ANONYMOUS",
            )
        ]
    return []
