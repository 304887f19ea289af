"""A file given on the command line."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from emitter.errors import BadRow, BadTable


@contextmanager
def opened(path: str) -> Iterator[BinaryIO]:
    """The file, or standard input for `-`. BadTable: whatever is wrong in it, with its name."""
    try:
        if path == "-":
            # Not sys.stdin, and never closed: a thread may wait in it, which would hold up the exit, or abort it.
            yield os.fdopen(os.dup(0), "rb")
        else:
            with Path(path).open("rb") as file:
                yield file
    except (BadTable, BadRow) as exc:
        raise BadTable(f"{name_of(path)}, {exc}.") from exc


def name_of(path: str) -> str:
    """What a person calls it."""
    return "standard input" if path == "-" else Path(path).name


def size_of(file: BinaryIO) -> int | None:
    """Its bytes, None where it has no end yet."""
    status = os.fstat(file.fileno())
    return status.st_size if stat.S_ISREG(status.st_mode) else None
