"""The names under which the service may be asked for. A page can point a name of its own site at any address (DNS
rebinding), and the browser then takes what answers there for a part of that site; only the name tells."""

import re
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import ip_address

ANY = "*"
LOOPBACK = "localhost"
LONGEST = 300
"""The most characters of a host: a name has 253, and a port may follow."""
_HOST = re.compile(r"(?P<name>[a-z0-9._~!$&'()*+,;=%-]+|\[[0-9a-f:.]+\])(?::\d{0,5})?", re.IGNORECASE)
_PATTERN = re.compile(r"(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[?[0-9a-f:.]+\]?")


class Hosts:
    """The names that are allowed: those that are given, in which `*.` stands for any name below another.

    `localhost`, the names below it and addresses in numbers are always allowed. No other site can have them, so that
    none can be rebound, and health probes use them.
    """

    def __init__(self, patterns: Iterable[str]) -> None:
        self._all = ANY in (given := set(patterns))
        self._names = {LOOPBACK, *(one for one in given if not one.startswith("*"))}
        self._endings = (f".{LOOPBACK}", *(one[1:] for one in given if one.startswith("*.")))
        self._known = lru_cache(maxsize=256)(self._allow)

    def allow(self, host: str) -> bool:
        """Whether a request with this `Host` is meant for this service; a port in it doesn't matter. Raises ValueError
        where it is no host."""
        if len(host) > LONGEST:
            raise ValueError("it is too long")
        return self._known(host)

    def _allow(self, host: str) -> bool:
        if (found := _HOST.fullmatch(host)) is None:
            raise ValueError("it is no host")
        if self._all:
            return True
        name = found["name"].lower().rstrip(".")
        return name in self._names or name.endswith(self._endings) or is_address(name)


def hosts_for(text: str, listening_on: str) -> Hosts:
    """The hosts that the setting names. Where it names none, every name is allowed, unless the service listens on
    loopback alone, where other names than that of loopback can only come from pages."""
    given = text.replace(",", " ").lower().split()
    return Hosts(given or ([] if is_loopback(listening_on) else [ANY]))


def check_hosts(text: str) -> str:
    """The text, if it is a list of names. Raises ValueError for what is none."""
    for part in text.replace(",", " ").split():
        if part != ANY and not _PATTERN.fullmatch(part.lower()):
            raise ValueError(f"{part!r} isn't a host; write it like taktline.example or *.example.com, without a port")
    return text


def is_loopback(host: str) -> bool:
    """Whether only this machine can connect to this address or name."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == LOOPBACK


def is_address(name: str) -> bool:
    """Whether this is an address in numbers, as it stands in `Host`."""
    try:
        ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
