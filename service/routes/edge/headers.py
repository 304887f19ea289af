"""Headers as the server has them, where there is no object for a request or an answer."""

from collections.abc import Iterable

from litestar.types import Scope

Headers = list[tuple[bytes, bytes]]


def header(scope: Scope, name: bytes) -> str | None:
    """The header of a request by its name in small letters; the last one where there are several."""
    found = None
    for given, value in scope["headers"]:
        if given == name:
            found = value
    return None if found is None else found.decode("latin-1")


def header_lines(scope: Scope, name: bytes) -> list[str]:
    """Each line of a header of a request, by its name in small letters."""
    return [value.decode("latin-1") for given, value in scope["headers"] if given == name]


def vary(headers: Iterable[tuple[bytes, bytes]], *names: bytes) -> Headers:
    """The headers of an answer, with these names in Vary."""
    headers = [*headers]
    given = [part.strip() for name, value in headers if name == b"vary" for part in value.split(b",")]
    known = {part.lower() for part in given}
    merged = b", ".join([*given, *(name for name in names if name.lower() not in known)])
    return [*(one for one in headers if one[0] != b"vary"), (b"vary", merged)]
