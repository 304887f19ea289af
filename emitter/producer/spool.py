"""Keeps unacknowledged batches in a SQLite file, which survives any end of the process.

A batch is on the disk (`synchronous = full`) before it is sent, and is removed when the service has answered. A batch
that the service refused for good is kept in the table `refused`, to be examined. Only one process at a time can use a
spool.
"""

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import IO, Self

import msgspec

from emitter.producer.errors import SpoolError, SpoolFull, SpoolInUse
from emitter.producer.readings import Batch

KEPT_REFUSED = 10_000
"""The number of refused batches that are kept, the newest ones."""

PRIVATE = 0o600
_VERSION = 1
_SCHEMA = """
begin immediate;
-- autoincrement: a number is never given twice, so that a sender can remember how far it got
create table if not exists batch (
    number integer primary key autoincrement,
    id text not null unique,
    readings integer not null,
    payload blob not null
);
create table if not exists refused (
    number integer primary key,
    id text not null,
    readings integer not null,
    payload blob not null,
    problem text not null,
    refused_at text not null default current_timestamp
);
pragma user_version = 1;
commit;
"""
_PRAGMAS = ("pragma journal_mode = wal", "pragma synchronous = full", "pragma fullfsync = on")
_PUT = "insert into batch (id, readings, payload) values (?, ?, ?) on conflict (id) do nothing"
_AFTER = "select number, id, readings, payload from batch where number > ? order by number limit 1"
_FORGET = "delete from batch where id = ?"
_REFUSE = """
insert or replace into refused (number, id, readings, payload, problem)
select number, id, readings, payload, ? from batch where id = ?
"""
_TRIM_REFUSED = "delete from refused where number not in (select number from refused order by number desc limit ?)"
_TOTALS = "select count(*), coalesce(sum(readings), 0), coalesce(sum(length(payload)), 0) from batch"


class Spooled(msgspec.Struct, frozen=True):
    """A batch and its number in the order of the spool."""

    number: int
    batch: Batch


class Spool:
    """Unacknowledged batches in order, at most `max_bytes` of them. Raises SpoolError, which names the file and the
    problem.

    With `path` None they are kept in memory, for producers that can make the same batches again.
    """

    def __init__(self, path: Path | None, max_bytes: int) -> None:
        self.path = path
        self.max_bytes = max_bytes
        with ExitStack() as opened, self._faults():
            if path:
                opened.enter_context(_lock(path))
                _keep_private(path)
            self._database = opened.enter_context(closing(_connect(path)))
            self._prepare()
            self.batches: int
            self.readings: int
            self.bytes: int
            self.batches, self.readings, self.bytes = self._database.execute(_TOTALS).fetchone()
            self._opened = opened.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Releases the spool for other processes."""
        self._opened.close()

    def has_room(self, size: int) -> bool:
        """Whether there is room for a batch of `size` bytes. An empty spool has room for any batch, which would
        otherwise wait for ever."""
        return not self.batches or self.bytes + size <= self.max_bytes

    def put(self, batch: Batch) -> None:
        """Keeps a batch, which is on the disk when this returns. A batch whose id is in the spool already is taken for
        the same one. Raises SpoolFull where there is no room."""
        if not self.has_room(len(batch.payload)):
            raise SpoolFull(f"The spool {self._name} is full: {self.bytes} of {self.max_bytes} bytes.")
        with self._faults():
            added = self._database.execute(_PUT, (batch.id, batch.readings, batch.payload)).rowcount
        self._count(batch, added)

    def after(self, number: int) -> Spooled | None:
        """The batch that follows the one with this number; 0 stands for the beginning."""
        with self._faults():
            row = self._database.execute(_AFTER, (number,)).fetchone()
        return Spooled(row[0], Batch(*row[1:])) if row else None

    def forget(self, batch: Batch) -> None:
        """Drops a batch that the service has committed."""
        with self._faults():
            dropped = self._database.execute(_FORGET, (batch.id,)).rowcount
        self._count(batch, -dropped)

    def refuse(self, batch: Batch, problem: str) -> None:
        """Sets aside a batch that the service has refused for good."""
        with self._faults(), self._transaction():
            self._database.execute(_REFUSE, (problem, batch.id))
            self._database.execute(_TRIM_REFUSED, (KEPT_REFUSED,))
            dropped = self._database.execute(_FORGET, (batch.id,)).rowcount
        self._count(batch, -dropped)

    def refused(self) -> list[tuple[str, str]]:
        """The ids of the batches that were set aside, with the service's reasons."""
        with self._faults():
            return self._database.execute("select id, problem from refused order by number").fetchall()

    @property
    def _name(self) -> str:
        return str(self.path) if self.path else "in memory"

    def _prepare(self) -> None:
        for pragma in _PRAGMAS:
            self._database.execute(pragma)
        if self._database.execute("pragma user_version").fetchone()[0] > _VERSION:
            raise SpoolError(f"The spool {self._name} was written by a newer version of this producer.")
        self._database.executescript(_SCHEMA)

    def _count(self, batch: Batch, times: int) -> None:
        self.batches += times
        self.readings += times * batch.readings
        self.bytes += times * len(batch.payload)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._database.execute("begin immediate")
        try:
            yield
        except sqlite3.Error:
            self._database.rollback()
            raise
        self._database.execute("commit")

    @contextmanager
    def _faults(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as exc:
            kind = SpoolFull if getattr(exc, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL else SpoolError
            raise kind(f"The spool {self._name} can't be used: {exc}.") from exc


def _connect(path: Path | None) -> sqlite3.Connection:
    return sqlite3.connect(path or ":memory:", isolation_level=None, timeout=5)


def _lock(path: Path) -> IO[str]:
    """The spool's lock file, which stays locked until it is closed or the process ends in any way."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = open(path.with_name(path.name + ".lock"), "a+", opener=_private)  # noqa: SIM115
    except OSError as exc:
        raise SpoolError(f"The spool {path} can't be opened: {exc.strerror or exc}.") from exc
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as exc:
        with closing(file):
            raise SpoolInUse(_who_has(path, file)) from exc
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file


def _private(path: str, flags: int) -> int:
    """Opens a file that its owner alone may read."""
    return os.open(path, flags, PRIVATE)


def _keep_private(path: Path) -> None:
    """Makes the spool a file that its owner alone may read, an older one too. SQLite gives its further files the mode
    of this one."""
    with suppress(OSError):  # SQLite will say what is wrong
        with open(path, "ab", opener=_private):
            pass
        for one in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
            if one.exists():
                one.chmod(PRIVATE)


def _who_has(path: Path, file: IO[str]) -> str:
    file.seek(0)
    holder = file.read().strip() or "unknown"
    return f"The spool {path} is in use by process {holder}: only one producer at a time can use it."
