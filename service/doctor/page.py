"""A report as one page of text, and as JSON."""

from collections.abc import Iterator, Sequence
from datetime import datetime

import msgspec

from service.doctor.report import Report
from service.period.lifetimes import ORDER, in_days
from service.store.examination import Findings
from service.store.standby_examination import StandbyFound

UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
EARLIEST_YEAR = 100
MOST_TABLES = 12
"""The most tables that are shown, the largest ones."""


def as_text(report: Report) -> str:
    """The page."""
    return "\n".join(_lines(report)) + "\n"


def as_json(report: Report) -> bytes:
    """All of the report, with `ok`, which is false where there are warnings. Times are in UTC, durations in seconds."""
    made = msgspec.to_builtins(report, enc_hook=str)
    found = report.findings
    made["ok"] = not report.warnings
    made["warnings"] = msgspec.to_builtins(report.warnings)
    made["bytes_per_reading"] = None if found is None else found.per_reading
    return msgspec.json.format(msgspec.json.encode(made))


def _lines(report: Report) -> Iterator[str]:
    yield f"Taktline {report.version}: {report.server.describe()}"
    yield f"{report.place}, schema {report.schema}"
    yield from _titled("SETTINGS, those that aren't at their defaults")
    yield from _table([(one.name, one.value, one.where) for one in report.configured]) or ["none"]
    if (found := report.findings) is not None:
        yield from _server(report, found)
        yield from _titled("STORED")
        yield from _stored(found)
        if found.jobs:
            yield from _titled("JOBS of TimescaleDB")
            yield from _table([("JOB", "EVERY", "STATE", "LAST SUCCESS", "BY THE SERVICE"), *_jobs(found)])
        yield from _titled("KEPT")
        yield from _table([("", "FROM", "SETTING"), *_kept(report, found)])
    if report.standbys:
        yield from _titled("STANDBYS of DATABASE_READ_URL")
        yield from _table([("HOST", "IS", "BEHIND", "TIMELINE", "POSTGRESQL"), *map(_standby, report.standbys)])
    yield from _titled("WARNINGS" if report.warnings else "NOTHING TO WARN OF")
    for number, one in enumerate(report.warnings, 1):
        yield f"{number}. {one.what}."
        yield f"   Mend it: {one.mend}."


def _titled(title: str) -> Iterator[str]:
    yield ""
    yield title


def _server(report: Report, found: Findings) -> Iterator[str]:
    health, lag = found.health, found.lag
    yield from _titled("DATABASE")
    state = {True: "on", False: "off"}
    yield from _table(
        [
            ("clock", f"{health.ahead.total_seconds():+.2f} s from this machine's"),
            ("fsync, full_page_writes", f"{state[health.fsync]}, {state[health.full_page_writes]}"),
            ("synchronous_commit", state[health.synchronous_commit]),
            ("COMMIT waits for", health.awaited or "no standby"),
            ("schema", f"{len(report.pending)} files to apply" if report.pending else "that of this version"),
            ("writers", f"{found.writing} within ten minutes"),
            *(
                [
                    ("minutes materialised", _up_to(lag.watermark)),
                    ("late minutes", f"{lag.late:,}" + (f", since {_moment(lag.oldest)}" if lag.oldest else "")),
                ]
                if lag
                else []
            ),
        ]
    )


def _up_to(watermark: datetime | None) -> str:
    """TimescaleDB begins in year 2 where nothing has been materialised."""
    return "none yet" if watermark is None or watermark.year < EARLIEST_YEAR else f"up to {_moment(watermark)}"


def _stored(found: Findings) -> Iterator[str]:
    rows = [
        (
            one.name,
            _size(one.bytes),
            "" if one.chunks is None else str(one.chunks),
            "" if one.in_columnstore is None else str(one.in_columnstore),
            _moment(one.since),
        )
        for one in found.tables[:MOST_TABLES]
    ]
    yield from _table([("TABLE", "SIZE", "CHUNKS", "COLUMNSTORE", "FROM"), *rows])
    each = found.per_reading
    about = "" if each is None else f", {each:,.0f} bytes each"
    if found.readings <= 0 < found.series:
        yield f"readings of {found.series:,} series; the server hasn't estimated yet how many"
    else:
        yield f"about {max(0, found.readings):,} readings{about}, of {found.series:,} series"


def _jobs(found: Findings) -> list[tuple[str, ...]]:
    return [
        (f"{job.id} {job.name}", str(job.every), job.state, _moment(job.succeeded), _moment(job.by_service))
        for job in found.jobs
    ]


def _standby(one: StandbyFound) -> tuple[str, ...]:
    if one.why is not None:
        return (one.host, "not reached", "", "", "")
    seconds = "" if one.seconds is None else f", {one.seconds:.0f} s"
    behind = f"{_size(one.bytes)}{seconds}" if one.role == "standby" and one.is_comparable else ""
    role = "of another database" if not (one.same_cluster and one.same_database) else f"{one.role}"
    return (one.host, role, behind, (one.timeline or "").lstrip("0"), one.postgresql or "")


def _kept(report: Report, found: Findings) -> Iterator[tuple[str, ...]]:
    since = msgspec.structs.astuple(found.kept)
    for name, moment, lifetime in zip(ORDER, since, msgspec.structs.astuple(report.lifetimes), strict=True):
        setting = "for ever" if lifetime is None else in_days(lifetime)
        yield (name, _moment(moment) or "the beginning", f"RETENTION_{name.upper()} {setting}")


def _moment(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment:%Y-%m-%d %H:%M}Z"


def _size(size: int) -> str:
    value, unit = float(size), 0
    while value >= 1024 and unit < len(UNITS) - 1:
        value, unit = value / 1024, unit + 1
    return f"{value:.3g} {UNITS[unit]}"


def _table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
