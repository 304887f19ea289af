"""Parameters that are read and described in one place, so that an address and the description of the API agree."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import msgspec
from litestar.openapi.spec import Parameter, Schema

from service.intake.reading import MAX_NAME
from service.routes.parameters import Together, known_names, series_names


class Described(msgspec.Struct, frozen=True):
    """A parameter: the field that it sets, how its text is read, and how the API describes it."""

    field: str
    read: Callable[[str, str], Any]
    text: str
    described: Schema


def read_fields(
    given: Iterable[tuple[str, str]], known: Mapping[str, Described], longest: int = MAX_NAME
) -> dict[str, Any]:
    """The fields that an address sets, read strictly; `series`, which may be repeated, is a tuple of names of so many
    characters at most, or None where no series is named. Raises BadRequest, which names all parameters that are wrong,
    and what is allowed."""
    pairs = list(given)
    # the framework gives them in any order, and an error should be the same each time
    known_names(sorted(name for name, _ in pairs), list(known), repeatable=["series"])
    pairs.sort(key=lambda pair: list(known).index(pair[0]))
    all_of = Together()
    fields = {
        known[name].field: all_of.read(partial(known[name].read, name, value), None)
        for name, value in pairs
        if name != "series"
    }
    names = all_of.read(lambda: series_names([value for name, value in pairs if name == "series"], longest), None)
    all_of.check()
    return {**fields, "series": tuple(dict.fromkeys(names)) if names else None}


def in_openapi(known: Mapping[str, Described]) -> list[Parameter]:
    """The parameters as the API describes them."""
    return [query_parameter(name, one.text, one.described) for name, one in known.items()]


def query_parameter(name: str, text: str, described: Schema) -> Parameter:
    """A parameter as the API describes it."""
    return Parameter(name=name, param_in="query", description=text, schema=described, required=False)
