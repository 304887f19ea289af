"""The sites of a federation, as the settings have them, and the names of their series."""

import re
from collections.abc import Mapping, Sequence

import httpx
import msgspec

from service.errors import bad_parameter, quoted
from service.intake.reading import MAX_NAME

SEPARATOR = "/"
"""Between the name of a site, which has none, and that of a series, which may have several."""
ALL = "*"
"""In the place of a series, all those of a site."""
MOST_CHARACTERS = 40
"""The most characters of the name of a site."""
LONGEST_NAME = MOST_CHARACTERS + len(SEPARATOR) + MAX_NAME
"""The most characters of the name of a series here, where it has that of its site before it."""
_NAME = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{MOST_CHARACTERS - 1}}}", re.ASCII)
_KEY = re.compile(r"[!-~]+", re.ASCII)


class Site(msgspec.Struct, frozen=True):
    """A site: its name, its address without a slash at the end, and the key by which it is asked, if it needs one."""

    name: str
    url: str
    key: str | None = None

    def __repr__(self) -> str:
        return f"Site({self.name!r}, {self.url!r})"


def read_sites(text: str, keys: str | None = None) -> tuple[Site, ...]:
    """The sites that are named in a text such as `berlin=https://taktline.berlin.example; ulm=https://…`, with keys in
    one such as `berlin=tk_…; ulm=tk_…`. Raises ValueError, which says what is wrong and shows nothing of a key."""
    urls = {name: _read_url(name, url) for name, url in _pairs(text, "a site", "berlin=https://taktline.example")}
    for name, url in urls.items():
        same = next(other for other in urls if urls[other] == url)
        if same != name:
            raise ValueError(f"{same} and {name} are the same address, so that all there would count twice")
    return tuple(Site(name, url, key) for (name, url), key in zip(urls.items(), _keys_for(urls, keys), strict=True))


def _keys_for(urls: Mapping[str, str], text: str | None) -> list[str | None]:
    keys = _pairs(text or "", "a key", "berlin=tk_…")
    for name, key in keys:
        if name not in urls:
            raise ValueError(f"has a key for {quoted(name)}, which FEDERATE doesn't name")
        if not _KEY.fullmatch(key):
            raise ValueError(f"has a key for {name} with characters that no key has")
    return [dict(keys).get(name) for name in urls]


def _pairs(text: str, what: str, example: str) -> list[tuple[str, str]]:
    """The names and values, in order. Raises ValueError, which shows no value."""
    found: dict[str, tuple[str, str]] = {}
    for number, part in enumerate(filter(None, map(str.strip, text.split(";"))), 1):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or not value or not _NAME.fullmatch(name):
            raise ValueError(
                f"can't be read at its part {number}; write {what} like {example}, with semicolons between. A name has "
                f"up to {MOST_CHARACTERS} of A-Z, a-z, 0-9, dot, hyphen and underscore"
            )
        if (other := found.get(name.lower())) is not None:
            raise ValueError(f"names {name} twice" if other[0] == name else f"can't tell {other[0]} from {name}")
        found[name.lower()] = name, value
    return list(found.values())


def _read_url(name: str, text: str) -> str:
    """The address as it will be asked, so that two ways to write one are told to be the same."""
    try:
        url = httpx.URL(text)
        host = url.host  # which fails where a name in Punycode is none
    except (httpx.InvalidURL, UnicodeError):
        url, host = httpx.URL(), ""
    if url.scheme not in ("http", "https") or not host or not re.fullmatch(r"[!-~]+", text):
        raise ValueError(f"the address of {name} must begin with http:// or https:// and a host")
    if url.userinfo or url.query or url.fragment:
        raise ValueError(f"the address of {name} may have a path, and nothing else; its key belongs in FEDERATE_KEYS")
    return str(url).rstrip("/?#")


def named(site: str, series: str) -> str:
    """What a series of a site is called here."""
    return f"{site}{SEPARATOR}{series}"


def by_site(names: Sequence[str] | None, sites: Sequence[str]) -> dict[str, tuple[str, ...] | None]:
    """The sites of which something is asked for, each with the names of its series, None standing for all of them.
    BadRequest for a name that is of no site, or longer than any there."""
    if names is None:
        return dict.fromkeys(sites)
    found: dict[str, tuple[str, ...] | None] = {}
    for name in names:
        site, separator, series = name.partition(SEPARATOR)
        if site not in sites or not separator or not series:
            raise bad_parameter(
                "series",
                f"{quoted(name)} is of no site here; write one of {', '.join(sites)}, a slash, and the name of the "
                f"series there, or {named(sites[0], ALL)} for all of a site",
            )
        if len(series) > MAX_NAME:
            wrong = f"after {site}{SEPARATOR} a name has 1 to {MAX_NAME} characters, as at the site, not {len(series)}"
            raise bad_parameter("series", wrong)
        before = found.get(site, ())
        found[site] = None if before is None or series == ALL else (*before, series)
    return found


def unnamed(names: Sequence[str] | None, away: Sequence[str]) -> tuple[str, ...]:
    """Those of the names that are no series with a panel: a whole site, or of a site that is away."""
    split = ((name, *name.partition(SEPARATOR)) for name in names or ())
    return tuple(name for name, site, _, series in split if series == ALL or site in away)
