"""What the doctor reports: what is configured and found, and warnings, each with what mends it. Values only."""

from datetime import timedelta

import msgspec

from service.period.lifetimes import Lifetimes, in_days
from service.store.database import DatabaseServer
from service.store.examination import Findings
from service.store.standby_examination import StandbyFound

MOST_SKEW = timedelta(seconds=2)
"""How far the clocks of the service and of the database may be apart; minutes are due by the service's, and late by the
database's."""
MOST_UNCONFIRMED = timedelta(seconds=5)
"""For how long a COMMIT may wait for a standby; a busy one confirms it within milliseconds."""
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
    standbys: tuple[StandbyFound, ...] = ()
    """The hosts of DATABASE_READ_URL."""
    several: bool = False
    """Whether DATABASE_URL has several hosts, of which another one may become the primary."""
    slips: dict[str, str] = {}
    """Names that are nearly those of settings, and which settings these are."""
    env_file_is_folder: bool = False
    """Whether `.env` is a folder, of which nothing is read."""

    @property
    def warnings(self) -> tuple[Warn, ...]:
        """The most important first."""
        found: tuple[Warn, ...] = ()
        if self.findings is not None:
            found = (*_of_health(self.findings), *_of_commits(self, self.findings), *_of_keeping(self, self.findings))
        return (*found, *_of_standbys(self), *_of_versions(self), *_of_access(self), *_of_what_is_ignored(self))


def _of_what_is_ignored(report: Report) -> list[Warn]:
    made = [Warn(f"{name} isn't a setting", f"{meant}, if that is meant") for name, meant in report.slips.items()]
    if report.env_file_is_folder:
        made.append(Warn(".env is a folder, so that no setting is read from it", "the file in its place"))
    return made


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


def _of_commits(report: Report, found: Findings) -> list[Warn]:
    """Whether what was acknowledged outlives a failover, and whether anything can be acknowledged."""
    health = found.health
    if health.unconfirmed > MOST_UNCONFIRMED:
        waited = f"a COMMIT has waited for {health.unconfirmed.total_seconds():.0f} s for a standby to confirm it"
        return [
            Warn(
                f"{waited} (synchronous_standby_names = '{health.awaited}'): nothing is acknowledged meanwhile",
                "a standby that streams from the primary (pg_stat_replication there)",
            )
        ]
    if report.several and not health.awaited:
        return [
            Warn(
                "COMMIT waits for no standby: when another host becomes the primary, readings may be lost that were "
                "acknowledged",
                "synchronous_standby_names on all hosts; with Patroni synchronous_mode (docs/failover.md)",
            )
        ]
    return []


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


def _of_standbys(report: Report) -> list[Warn]:
    made = [warning for one in report.standbys for warning in _of_standby(report, one)]
    if report.standbys and not any(one.role == "standby" and one.is_comparable for one in report.standbys):
        made.append(
            Warn("no host of DATABASE_READ_URL can be read from: all is read from the primary", "DATABASE_READ_URL")
        )
    return made


def _of_standby(report: Report, one: StandbyFound) -> list[Warn]:
    """The warnings of a host; a primary among them is passed over by reads."""
    host = one.host
    if one.why is not None:
        return [
            Warn(f"the standby {host} can't be reached: {one.why.rstrip('.')}", "that server, or DATABASE_READ_URL")
        ]
    if not one.same_cluster:
        what = f"{host} is no standby of the database at DATABASE_URL: its system identifier is {one.cluster}"
        return [Warn(f"{what}; a start is refused", "DATABASE_READ_URL")]
    if not one.same_database:
        what = f"DATABASE_READ_URL names another database at {host} than DATABASE_URL; a start is refused"
        return [Warn(what, "DATABASE_READ_URL with the same database")]
    if one.role == "primary":
        return []
    if not one.same_timeline:
        return [
            Warn(
                f"the standby {host} is on timeline {one.timeline}, which isn't the primary's: nothing is read from it",
                "recovery_target_timeline = 'latest' there, or a new copy (pg_rewind, pg_basebackup)",
            )
        ]
    return [*_of_replay(one), *_of_reading(report.server, one)]


def _of_replay(one: StandbyFound) -> list[Warn]:
    since = "" if one.seconds is None else f", {one.seconds:.0f} s"
    if one.is_paused:
        return [Warn(f"the standby {one.host} replays nothing, since that is paused", "select pg_wal_replay_resume()")]
    if one.delay > timedelta():
        delay = f"{one.delay.total_seconds():g} s"
        return [Warn(f"the standby {one.host} replays {delay} late", "recovery_min_apply_delay = 0 there, and reload")]
    if one.bytes:
        return [
            Warn(
                f"the standby {one.host} is behind, by {one.bytes:,} bytes{since}: reads go to the primary meanwhile",
                "its disk or its network; a lower max_standby_streaming_delay there, if long queries hold it up",
            )
        ]
    return []


def _of_reading(server: DatabaseServer, one: StandbyFound) -> list[Warn]:
    made = []
    if not one.feedback:
        made.append(
            Warn(
                f"hot_standby_feedback is off on {one.host}: long reads are cancelled there, and made again elsewhere",
                "hot_standby_feedback = on there, and reload",
            )
        )
    if not one.sees_all:
        made.append(
            Warn(
                f"the role isn't told what {one.host} receives: after a promotion it may be left for minutes",
                "grant pg_monitor to the role, on the primary",
            )
        )
    if one.postgresql != server.postgresql:
        made.append(
            Warn(
                f"{one.host} has PostgreSQL {one.postgresql}, and the primary {server.postgresql}",
                "the same version on all of them",
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
