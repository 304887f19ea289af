"""Reads the address of the database so strictly that no part of its password is ever taken for something else, which
would then be shown in messages."""

import re
from typing import Self
from urllib.parse import quote, unquote, urlencode

import msgspec

from service.store.address_parameters import Parameters, read_parameters

SCHEMES = ("postgresql", "postgres")
HOW = "write it like postgresql://user:password@host:5432/database, and in the password / as %2F, ? as %3F, # as %23"
DEFAULT_PORT = 5432
_LAST_PORT = 65535
_HOST = r"(?:[\w.~%-]*|\[[\w:.%]+\])(?::\d*)?"
_HOSTS = re.compile(rf"{_HOST}(?:,{_HOST})*")
_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)(.*)")
_PARTS = re.compile(r"(\[[^\]]*\]|[^:]*)(?::(\d*))?")


class Host(msgspec.Struct, frozen=True):
    """One of the servers: its name, its address in numbers, or the folder of its socket; and its port."""

    name: str
    port: int

    def __str__(self) -> str:
        return f"[{self.name}]:{self.port}" if ":" in self.name else f"{self.name}:{self.port}"


class DatabaseAddress(msgspec.Struct, frozen=True):
    """What DATABASE_URL says. `dsn` is the same for the driver: without the parameters that it doesn't know, and
    without hosts where there are several or they are parameters. No host stands for those that the driver tries of its
    own accord."""

    dsn: str
    hosts: tuple[Host, ...]
    parameters: Parameters

    @property
    def asks(self) -> bool:
        """Whether a connection is made by asking which server is the primary."""
        return len(self.hosts) > 1 or (bool(self.hosts) and self.parameters.needs_primary)

    @classmethod
    def read(cls, text: str, *, reading: bool = False) -> Self:
        """Read the address, with `reading` that of standbys. Raises ValueError as database_address() does."""
        scheme, netloc, rest = _cut(text)
        path, _, query = rest.partition("?")
        parameters = read_parameters(query, reading=reading)
        who, at, places = netloc.rpartition("@")
        hosts = _hosts(places, parameters)
        if len(hosts) < 2 and not parameters.host:
            who, at = netloc, ""
        given = urlencode(parameters.driver, quote_via=quote)
        return cls(f"{scheme}://{who}{at}{path}{'?' if given else ''}{given}", hosts, parameters)


def database_address(text: str, password: str | None = None, *, reading: bool = False) -> str:
    """The address with its user and password quoted, and with `password` if that is given; with `reading` it is that of
    standbys. Raises ValueError where it can't be read, or a parameter can't be used, with a message that shows nothing
    of its password."""
    scheme, netloc, rest = _cut(text)
    if scheme not in SCHEMES:
        raise ValueError(f"it isn't the address of a PostgreSQL server; {HOW}")
    if "@" in rest:
        raise ValueError(f"an @ stands behind the host, so the password has a / ? or # in it; {HOW}")
    if "#" in rest:
        raise ValueError(f"a # stands in it; {HOW}")
    who, _, hosts = netloc.rpartition("@")
    user, colon, given = who.partition(":")
    if not _HOSTS.fullmatch(hosts):
        raise ValueError(f"the host can't be read; {HOW}")
    address = DatabaseAddress.read(text, reading=reading)
    if (colon or "password" in address.parameters.driver) and password is not None:
        raise ValueError("it has a password already, beside DATABASE_PASSWORD")
    secret = unquote(given) if password is None else password
    name = quote(unquote(user), safe="")
    hidden = f":{quote(secret, safe='')}" if secret else ""
    return f"{scheme}://{name}{hidden}{'@' if name or secret else ''}{hosts}{rest}"


def place(address: str) -> str:
    """The address without its password and its parameters, for messages."""
    scheme, netloc, rest = _cut(address)
    who, at, hosts = netloc.rpartition("@")
    return f"{scheme}://{unquote(who.partition(':')[0])}{at}{hosts}{rest.partition('?')[0]}"


def _hosts(text: str, parameters: Parameters) -> tuple[Host, ...]:
    """The hosts before the path, or those in the parameters."""
    if text and (parameters.host or parameters.port):
        raise ValueError("hosts and ports stand in it twice, before the database and in its parameters")
    if text.startswith(":") and "," not in text:
        return ()  # the driver's own host, at a port
    if text:
        return tuple(_host(one) for one in text.split(","))
    if not parameters.host:
        return ()
    names, ports = parameters.host.split(","), parameters.port.split(",")
    if len(ports) not in (1, len(names)):
        raise ValueError(f"port has {len(ports)} values, and host {len(names)}")
    each = ports if len(ports) == len(names) else ports * len(names)
    return tuple(_checked(name, port) for name, port in zip(names, each, strict=True))


def _host(text: str) -> Host:
    found = _PARTS.fullmatch(text)
    if found is None:
        raise ValueError(f"the host can't be read; {HOW}")
    return _checked(unquote(found[1].strip("[]")), found[2] or "")


def _checked(name: str, port: str) -> Host:
    if not name:
        raise ValueError("one of its hosts has no name")
    if port and not (port.isascii() and port.isdigit() and 0 < int(port) <= _LAST_PORT):
        raise ValueError(f"a port must be a number from 1 to {_LAST_PORT}")
    return Host(name, int(port or DEFAULT_PORT))


def _cut(text: str) -> tuple[str, str, str]:
    """Scheme, user with password and hosts, and the rest. Python's own library drops line breaks, and newer versions of
    it take no list of hosts with an address in brackets."""
    found = _ADDRESS.fullmatch(text)
    if found is None or not text.isprintable() or " " in text:
        raise ValueError(f"it can't be read; {HOW}")
    return found[1].lower(), found[2], found[3]
