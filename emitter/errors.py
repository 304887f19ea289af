"""What can go wrong for a producer, each as one sentence for the person at the terminal."""

from typing import ClassVar


class EmitterError(Exception):
    """The emitter can't go on."""

    exit_status: ClassVar[int] = 1

    def __init__(self, detail: str | None = None) -> None:
        self.detail = detail or (type(self).__doc__ or "").strip()
        super().__init__(self.detail)


class BadSettings(EmitterError):
    """A setting has a value that can't be used."""


class SpoolError(EmitterError):
    """The spool can't be used."""


class SpoolFull(SpoolError):
    """The spool is full."""


class Rejected(EmitterError):
    """The service wants nothing from this producer; trying again won't help."""

    exit_status = 77  # EX_NOPERM of sysexits.h, so that a supervisor can tell it from what a restart mends


class Unreachable(EmitterError):
    """The service can't be reached."""


class NotFinished(EmitterError):
    """Not everything was written."""


class BadTable(EmitterError):
    """The file isn't a table as described."""


class BadRow(EmitterError):
    """A row of the table can't be read; `line` counts from 1 as editors do, `column` is "" for the row as a whole."""

    def __init__(self, line: int, column: str, detail: str) -> None:
        self.line = line
        self.column = column
        super().__init__(f"line {line}{f', column {column}' if column else ''}: {detail}")
