"""The errors of the commands; those of the producer are in emitter/producer/errors.py."""


class EmitterError(Exception):
    """The command can't go on."""

    def __init__(self, detail: str | None = None) -> None:
        self.detail = detail or (type(self).__doc__ or "").strip()
        super().__init__(self.detail)


class BadSettings(EmitterError):
    """A setting has a value that can't be used."""


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
