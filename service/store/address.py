"""Reads the address of the database so strictly that no part of its password is ever taken for something else, which
would then be shown in messages."""

import re
from urllib.parse import quote, unquote, urlsplit

SCHEMES = ("postgresql", "postgres")
HOW = "write it like postgresql://user:password@host:5432/database, and in the password / as %2F, ? as %3F, # as %23"
_HOST = r"(?:[\w.~%-]*|\[[\w:.%]+\])(?::\d*)?"
_HOSTS = re.compile(rf"{_HOST}(?:,{_HOST})*")


def database_address(text: str, password: str | None = None) -> str:
    """The address with its user and password quoted, and with `password` if that is given. Raises ValueError where it
    can't be read, with a message that shows nothing of it."""
    scheme, netloc, rest = _cut(text)
    if scheme not in SCHEMES:
        raise ValueError(f"it isn't the address of a PostgreSQL server; {HOW}")
    if "@" in rest:
        raise ValueError(f"an @ stands behind the host, so the password has a / ? or # in it; {HOW}")
    who, _, hosts = netloc.rpartition("@")
    user, colon, given = who.partition(":")
    if not _HOSTS.fullmatch(hosts):
        raise ValueError(f"the host can't be read; {HOW}")
    if colon and password is not None:
        raise ValueError("it has a password already, beside DATABASE_PASSWORD")
    secret = unquote(given) if password is None else password
    name = quote(unquote(user), safe="")
    hidden = f":{quote(secret, safe='')}" if secret else ""
    return f"{scheme}://{name}{hidden}{'@' if name or secret else ''}{hosts}{rest}"


def place(address: str) -> str:
    """The address without its password and its parameters, for messages."""
    parts = urlsplit(address)
    who, at, host = parts.netloc.rpartition("@")
    return f"{parts.scheme}://{unquote(who.partition(':')[0])}{at}{host}{parts.path}"


def _cut(text: str) -> tuple[str, str, str]:
    """Scheme, user with password and hosts, and the rest. A library that drops line breaks would read another one."""
    try:
        parts = urlsplit(text)
    except ValueError:
        raise ValueError(f"it can't be read; {HOW}") from None
    begin = f"{parts.scheme}://{parts.netloc}"
    if not text.isprintable() or " " in text or not text.lower().startswith(begin.lower()):
        raise ValueError(f"it can't be read; {HOW}")
    return parts.scheme, parts.netloc, text[len(begin) :]
