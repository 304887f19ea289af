"""The names of the relations and functions that the files of `sql/schema` and `sql/functions` create, and which of them
the service can't do without."""

import re
from collections.abc import Collection, Iterable

from service.store.exact_buckets import SIZES
from service.store.queries import read_queries
from service.store.sql_files import SqlFile

_KIND = r"(?:materialized )?(?:table|view|function)"
_CHANGE = re.compile(rf"^\s*(create|drop) (?:or replace )?{_KIND} (?:if (?:not )?exists )?([a-z_]+)\b", re.MULTILINE)


def created(files: Iterable[SqlFile]) -> set[str]:
    """What the files create, even if a later one drops it again."""
    return {name for one in files for change, name in _CHANGE.findall(one.sql) if change == "create"}


def needed(files: Collection[SqlFile]) -> set[str]:
    """What there is after all files were applied, and what queries of the service name."""
    there: set[str] = set()
    for one in files:
        for change, name in _CHANGE.findall(one.sql):
            (there.add if change == "create" else there.discard)(name)
    views = {size.materialised for size in SIZES.values()}  # which a DO block creates
    there |= {name for name in views if any(name in one.sql for one in files)}
    named = {word for text in read_queries().values() for word in re.findall(r"\w+", text)}
    return there & (named | {size.rollup for size in SIZES.values()} | views)
