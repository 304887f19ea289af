"""The spool: order, bounds, kills."""

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from emitter.producer.errors import SpoolError, SpoolFull, SpoolInUse
from emitter.producer.readings import Batch
from emitter.producer.spool import Spool

ROOT = Path(__file__).parents[3]


def make_batch(name: str, size: int = 100) -> Batch:
    return Batch(name, 1, name.encode().ljust(size, b"."))


def drain(spool: Spool) -> list[str]:
    number, ids = 0, []
    while spooled := spool.after(number):
        number = spooled.number
        ids.append(spooled.batch.id)
    return ids


def test_a_spool_keeps_order_and_content_over_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "spool.sqlite"
    with Spool(path, 10_000) as spool:
        for name in "abc":
            spool.put(make_batch(name))
        first = spool.after(0)
        assert first is not None
        spool.forget(first.batch)
    with Spool(path, 10_000) as spool:
        assert drain(spool) == ["b", "c"]
        assert (spool.batches, spool.readings, spool.bytes) == (2, 2, 200)
        spooled = spool.after(0)
        assert spooled is not None
        assert spooled.batch == make_batch("b")


def test_a_full_spool_refuses_and_has_room_again(tmp_path: Path) -> None:
    with Spool(tmp_path / "spool.sqlite", 250) as spool:
        spool.put(make_batch("a"))
        spool.put(make_batch("b"))
        with pytest.raises(SpoolFull, match=r"spool\.sqlite is full: 200 of 250 bytes"):
            spool.put(make_batch("c"))
        first = spool.after(0)
        assert first is not None
        spool.forget(first.batch)
        spool.put(make_batch("c"))
        assert drain(spool) == ["b", "c"]


def test_an_empty_spool_takes_a_batch_of_any_size() -> None:
    with Spool(None, 10) as spool:
        spool.put(make_batch("large", 1000))
        assert not spool.has_room(1)


def test_the_same_batch_is_spooled_once() -> None:
    with Spool(None, 10_000) as spool:
        spool.put(make_batch("a"))
        spool.put(make_batch("a"))
        assert (spool.batches, spool.bytes) == (1, 100)


def test_refused_batches_are_kept_aside(tmp_path: Path) -> None:
    path = tmp_path / "spool.sqlite"
    with Spool(path, 10_000) as spool:
        spool.put(make_batch("a"))
        spool.put(make_batch("b"))
        first = spool.after(0)
        assert first is not None
        spool.refuse(first.batch, "422: no")
        assert drain(spool) == ["b"]
        assert spool.refused() == [("a", "422: no")]
    with Spool(path, 10_000) as spool:
        assert spool.refused() == [("a", "422: no")]


def test_a_number_is_never_given_twice() -> None:
    with Spool(None, 10_000) as spool:
        spool.put(make_batch("a"))
        first = spool.after(0)
        assert first is not None
        spool.forget(first.batch)
        spool.put(make_batch("b"))
        second = spool.after(first.number)
        assert second is not None
        assert second.batch.id == "b"


def test_one_emitter_at_a_time_has_a_spool(tmp_path: Path) -> None:
    path = tmp_path / "spool.sqlite"
    with Spool(path, 1000), pytest.raises(SpoolInUse, match=rf"in use by process {os.getpid()}: only one"):
        Spool(path, 1000)
    Spool(path, 1000).close()


def test_a_spool_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("This is no database. " * 100)
    with pytest.raises(SpoolError, match=r"notes\.txt can't be used: file is not a database"):
        Spool(text, 1000)
    with pytest.raises(SpoolError, match=r"notes\.txt/spool can't be opened: File exists"):
        Spool(text / "spool", 1000)
    newer = tmp_path / "newer.sqlite"
    database = sqlite3.connect(newer)
    database.execute("pragma user_version = 99")
    database.close()
    with pytest.raises(SpoolError, match="newer version"):
        Spool(newer, 1000)


def test_what_was_put_survives_a_kill(tmp_path: Path) -> None:
    code = (
        "import os, pathlib, sys\n"
        "from emitter.producer.readings import Batch\n"
        "from emitter.producer.spool import Spool\n"
        "spool = Spool(pathlib.Path(sys.argv[1]), 10**6)\n"
        "for number in range(5): spool.put(Batch(f'b{number}', 1, b'x'))\n"
        "os.kill(os.getpid(), 9)"
    )
    path = tmp_path / "spool.sqlite"
    done = subprocess.run([sys.executable, "-c", code, str(path)], cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL
    with Spool(path, 10**6) as spool:
        assert drain(spool) == [f"b{number}" for number in range(5)]
