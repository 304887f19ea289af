"""The numbered files of `sql/schema` and `sql/functions`, for one edition.

`002_name.sql` is for every edition, `003_name.community.sql` for one of them. Within an edition each number has one
file. A schema file whose first line is `-- no-transaction` holds a single statement that can't run in a transaction and
does no harm when it is run again.
"""

import hashlib
import re
from pathlib import Path

import msgspec

from service.errors import SchemaError
from service.store.queries import Edition

_NAME = re.compile(r"(\d{3})_[a-z_]+(?:\.(community|apache))?\.sql")


class SqlFile(msgspec.Struct, frozen=True):
    """A numbered file."""

    number: int
    name: str
    sql: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()

    @property
    def in_transaction(self) -> bool:
        return not self.sql.startswith("-- no-transaction\n")


def sql_files(folder: Path, edition: Edition) -> list[SqlFile]:
    """The files of an edition in order; SchemaError where a name has another form, or two files have the same
    number."""
    found: dict[int, SqlFile] = {}
    for path in sorted(folder.glob("*.sql")):
        match = _NAME.fullmatch(path.name)
        if match is None:
            raise SchemaError(
                f"{path.name}: a file in sql/{folder.name} is named like 001_reading.sql or 001_reading.apache.sql."
            )
        if match[2] not in (None, edition):
            continue
        one = SqlFile(int(match[1]), path.name, path.read_text(encoding="utf-8"))
        if one.number in found:
            raise SchemaError(
                f"{found[one.number].name} and {one.name} in sql/{folder.name} have the same number. "
                "Give the newer one another."
            )
        found[one.number] = one
    return list(found.values())


def edition_of(name: str) -> str | None:
    """The edition that a file is for; None where it is for every edition."""
    match = _NAME.fullmatch(name)
    return match and match[2]
