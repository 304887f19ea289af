"""Tells requests of programs and of our own pages from those that a page of another site makes a browser send.

A browser lets any page send simple requests anywhere, and open WebSockets. It says so in `Sec-Fetch-Site`
(https://www.w3.org/TR/fetch-metadata/) or, where it is older or the connection isn't encrypted, in `Origin`
(https://www.rfc-editor.org/rfc/rfc6454). Programs send neither.
"""

import re
from collections.abc import Iterable

import msgspec

OURS = ("same-origin", "none")
"""The values of Sec-Fetch-Site of a page of this service, and of a person who typed the address."""
ANY = "*"
DEFAULT_PORTS = {"http": ":80", "https": ":443"}
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://(?:[^\s/?#@,\[\]:]+|\[[0-9a-f:.]+\])(?::\d{1,5})?")


class Origins(msgspec.Struct, frozen=True):
    """The origins of other sites whose pages may do more than embed a picture: those that are trusted may write and
    connect; the readers may read, and if they have `*` in them, every page may."""

    trusted: frozenset[str] = frozenset()
    readers: frozenset[str] = frozenset()

    def is_foreign(
        self, site: str | None, origin: str | None, host: str, *, secure: bool, socket: bool = False
    ) -> bool:
        """Whether a request comes from a page of another site that isn't trusted. `site`, `origin` and `host` are what
        its headers say; `secure` is whether it came over TLS.

        For a WebSocket a matching Origin is enough, whatever Sec-Fetch-Site says: its address begins with `ws:`, and
        not all browsers have counted that as the same origin.
        """
        if (site is None and origin is None) or site in OURS or (origin or "").lower() in self.trusted:
            return False
        if origin is None or (site is not None and not socket):
            return True
        return not _is_at(origin.lower(), host.lower(), secure=secure)

    def may_read(self, origin: str) -> bool:
        """Whether pages of this origin may read answers."""
        return origin.lower() in self.trusted or not self.readers.isdisjoint((ANY, origin.lower()))


def read_origins(text: str, *, any_allowed: bool = False) -> frozenset[str]:
    """The origins in a text, separated by commas or blanks. Raises ValueError for what isn't one; `*` is one if
    `any_allowed`."""
    return frozenset(_read(part, any_allowed=any_allowed) for part in parts(text))


def parts(text: str) -> Iterable[str]:
    """The parts of a list that is separated by commas or blanks."""
    return text.replace(",", " ").split()


def _read(part: str, *, any_allowed: bool) -> str:
    if part == ANY and any_allowed:
        return part
    origin = part.lower().removesuffix("/")
    if not _ORIGIN.fullmatch(origin):
        every = ", or * for every page" if any_allowed else ""
        raise ValueError(f"{part!r} isn't an origin; write it like https://pages.example, without a path{every}")
    return _without_port(origin, origin.partition("://")[0])


def _is_at(origin: str, host: str, *, secure: bool) -> bool:
    """Whether a page of this origin was loaded from `host`. Where the service sees no TLS, a proxy before it may do
    that, so the page may have come by either; where it does, a page without TLS is another's."""
    scheme, _, place = origin.partition("://")
    if scheme not in DEFAULT_PORTS or (secure and scheme != "https"):
        return False
    return _without_port(place, scheme) == _without_port(host, scheme)


def _without_port(place: str, scheme: str) -> str:
    """The place without the port that is the scheme's anyway."""
    return place.removesuffix(DEFAULT_PORTS.get(scheme, "\0"))
