"""Compares the SQL files that were applied to a schema with the files of this version; SchemaError says what doesn't
fit."""

from datetime import datetime

import msgspec

from service.errors import SchemaError
from service.store.queries import Edition
from service.store.sql_files import SqlFile, edition_of


class Applied(msgspec.Struct, frozen=True):
    """A schema file as it was applied."""

    number: int
    name: str
    sha256: str
    applied_at: datetime

    @property
    def when(self) -> str:
        """The day, for messages."""
        return f"on {self.applied_at:%Y-%m-%d}"


class Replaced(msgspec.Struct, frozen=True):
    """A file of functions as it was last applied: after which schema file, and the checksums of its earlier
    versions."""

    name: str
    sha256: str
    schema_number: int
    applied_at: datetime
    earlier: list[str]


def next_schema_file(ledger: list[Applied], files: list[SqlFile], edition: Edition) -> SqlFile | None:
    """The first file that wasn't applied yet; SchemaError where the applied files aren't the first ones of this
    version."""
    known = {one.number: one for one in files}
    for one in ledger:
        _compare(one, known.get(one.number), files, edition)
    done = {one.number for one in ledger}
    following = next((one for one in files if one.number not in done), None)
    if following is not None and ledger and following.number < ledger[-1].number:
        raise SchemaError(
            f"{following.name} was never applied here, but {ledger[-1].name}, which comes after it, was applied "
            f"{ledger[-1].when}. Give the new file a number above {ledger[-1].number:03}."
        )
    return following


def _compare(applied: Applied, mine: SqlFile | None, files: list[SqlFile], edition: Edition) -> None:
    """Compare an applied file with the file that has its number in this version."""
    if edition_of(applied.name) not in (None, edition):
        raise SchemaError(
            f"The schema was made on another edition of TimescaleDB: {applied.name} was applied {applied.when}, and "
            f"this server has the {edition} edition. Export the readings and import them into a new DATABASE_SCHEMA."
        )
    if mine is None and applied.number > files[-1].number:
        raise SchemaError(
            f"The schema was made by a later version of Taktline: {applied.name} was applied {applied.when}, and the "
            f"last file that this version knows is {files[-1].name}. Start that version, or choose another "
            "DATABASE_SCHEMA."
        )
    if mine is None:
        raise SchemaError(
            f"{applied.name} was applied {applied.when}, and this version has no file with that number. "
            "Put the file back as it was: what undoes it belongs into a new file."
        )
    if mine.name != applied.name:
        raise SchemaError(
            f"{applied.name} was applied {applied.when}, and the file with that number is called {mine.name} now. "
            "Give it back its name; what is new belongs into a new file."
        )
    if mine.sha256 != applied.sha256:
        raise SchemaError(
            f"{mine.name} was edited after it was applied {applied.when}: its checksum was {applied.sha256[:12]} and "
            f"is {mine.sha256[:12]} now. Put back the text that was applied; a change belongs into a new file."
        )


def functions_to_replace(ledger: list[Replaced], files: list[SqlFile], schema_number: int) -> list[SqlFile]:
    """The files of functions that have to be applied: those that have changed, and those that were applied before the
    last schema file, which may have dropped something. SchemaError where a later version has replaced one of them.
    Functions that this version doesn't know do no harm."""
    known = {one.name: one for one in ledger}
    for one in files:
        last = known.get(one.name)
        if last is not None and last.sha256 != one.sha256 and one.sha256 in last.earlier:
            raise SchemaError(
                f"A later version of Taktline has replaced the functions of {one.name} on {last.applied_at:%Y-%m-%d}. "
                "Start that version. (If the file has been given back an earlier text on purpose, change its comment.)"
            )
    return [one for one in files if not _stands(known.get(one.name), one, schema_number)]


def _stands(last: Replaced | None, mine: SqlFile, schema_number: int) -> bool:
    return last is not None and last.sha256 == mine.sha256 and last.schema_number == schema_number
