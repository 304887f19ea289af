"""Reads the parameters of an address strictly: a misspelt name is an error instead of having no effect."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.datastructures.headers import MediaTypeHeader
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from service.errors import MOST_QUOTED, BadReading, BadRequest, Fault, bad_parameter, quoted
from service.intake.reading import MAX_NAME, check_batch_id
from service.languages.sentence import sentence
from service.routes.short_keys import kept_by_short_text

MAX_CHOSEN = 100
"""The most series that a request may name."""
MAX_PARAMETERS = 1000
"""The most parameters of an address."""
MOST_READ = 4096
"""The most characters of an Accept header. A longer one counts as absent."""

FOR_CSV = sentence("is for format=csv")

T = TypeVar("T")


class Together:
    """Reads several parameters, so that an error names all that are wrong."""

    def __init__(self) -> None:
        self._errors: list[BadRequest] = []

    def read(self, read: Callable[[], T], otherwise: T) -> T:
        """What `read` returns; where it raises BadRequest, that is kept for later, and `otherwise` is returned."""
        try:
            return read()
        except BadRequest as error:
            self._errors.append(error)
            return otherwise

    def check(self) -> None:
        """Raise one BadRequest for all that were raised."""
        if self._errors:
            faults = [fault for error in self._errors for fault in error.faults]
            details = {f"detail{number}": error.detail for number, error in enumerate(self._errors)}
            together = " ".join(f"%({name})s" for name in details)
            raise BadRequest(sentence(together, **details), faults)


def few_parameters(app: ASGIApp) -> ASGIApp:
    """The application, with BadRequest for an address with very many parameters, before they are parsed."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.HTTP:
            check_few(scope["query_string"])
        await app(scope, receive, send)

    return answer


def check_few(query: bytes) -> None:
    """Raise BadRequest where an address has very many parameters."""
    if query.count(b"&") >= MAX_PARAMETERS:
        raise BadRequest(f"An address has at most {MAX_PARAMETERS:,} parameters.")


def known_only(
    request: ASGIConnection[Any, Any, Any, Any], allowed: Sequence[str], *, repeatable: Sequence[str] = ()
) -> None:
    """Raise BadRequest for a parameter that isn't in `allowed`, or that is given twice without being `repeatable`."""
    known_names([name for name, _ in request.query_params.multi_items()], allowed, repeatable=repeatable)


def known_names(given: Sequence[str], allowed: Sequence[str], *, repeatable: Sequence[str] = ()) -> None:
    """The same, for names of parameters."""
    for name, times in Counter(given).items():
        if name not in allowed:
            raise BadRequest(
                sentence(
                    "%(name)s isn't a parameter here; allowed are %(allowed)s.",
                    name=quoted(name),
                    allowed=", ".join(allowed),
                ),
                [Fault(0, name[:MOST_QUOTED], "unknown")],
            )
        if times > 1 and name not in repeatable:
            raise bad_parameter(name, sentence("is given more than once"))


def choice(name: str, value: str, allowed: Iterable[str]) -> str:
    """The value if it is one of `allowed`. Raises BadRequest otherwise, which names them."""
    names = list(allowed)
    if value not in names:
        raise bad_parameter(
            name,
            sentence("%(value)s isn't allowed; allowed are %(allowed)s", value=quoted(value), allowed=", ".join(names)),
        )
    return value


def batch_key(header: str | None) -> str | None:
    """The batch id in an `Idempotency-Key`. Raises BadReading for an unusable one.

    The framework decodes headers as Latin-1. The id is decoded as UTF-8, so that it equals the same `id` in an
    envelope.
    """
    if header is None:
        return None
    try:
        return check_batch_id(header.encode("latin-1").decode())
    except UnicodeError as exc:
        raise BadReading("The Idempotency-Key isn't UTF-8.", [Fault(0, "id", "isn't UTF-8")]) from exc


def whole_number(name: str, value: str, lowest: int, highest: int) -> int:
    """A whole number within bounds. Raises BadRequest otherwise, which names them."""
    number = int(value) if re.fullmatch(r"-?\d{1,18}", value, re.ASCII) else None
    if number is None or not lowest <= number <= highest:
        raise bad_parameter(
            name,
            sentence(
                "%(value)s must be a whole number from %(lowest)s to %(highest)s",
                value=quoted(value),
                lowest=lowest,
                highest=highest,
            ),
        )
    return number


def series_names(values: list[str] | None, longest: int = MAX_NAME) -> list[str] | None:
    """The given names of series, of so many characters at most; None stands for all series."""
    if len(values or ()) > MAX_CHOSEN:
        raise bad_parameter(
            "series", sentence("at most %(most)s can be named; without any, all are meant", most=MAX_CHOSEN)
        )
    for value in values or ():
        if not 1 <= len(value) <= longest or "\0" in value:
            raise bad_parameter(
                "series", sentence("a name has 1 to %(most)s characters, none of them NUL", most=longest)
            )
    return values or None


def requested_format(request: Request[Any, Any, Any], form: str | None, formats: dict[str, str], default: str) -> str:
    """The format that is asked for by the parameter `format`, otherwise by the Accept header, otherwise the default.

    `formats` maps names to media types, in order of preference.
    """
    if form is not None:
        return choice("format", form, formats)
    ordered = {default: formats[default], **formats}
    best = accepted(request, list(ordered.values()))
    return next((name for name, media_type in ordered.items() if media_type == best), default)


def accepted(request: Request[Any, Any, Any], media_types: Sequence[str]) -> str | None:
    """The media type that the Accept header prefers; of several equal ones the first. None where it accepts none of
    them."""
    return best_match(request.headers.get("accept", "*/*"), tuple(media_types))


@kept_by_short_text(256)
def best_match(accept: str, media_types: tuple[str, ...]) -> str | None:
    """The same, given the Accept header itself."""
    ranges = [MediaTypeHeader(one) for one in (accept if len(accept) <= MOST_READ else "*/*").split(",")]
    best = max(media_types, key=lambda one: _liking(ranges, one))
    return best if _liking(ranges, best)[0] > 0 else None


@kept_by_short_text(256)
def takes_gzip(accept_encoding: str) -> bool:
    """Whether the client accepts gzip; `*` in the header means every encoding that isn't named."""
    welcome = {}
    for part in accept_encoding[:MOST_READ].lower().split(","):
        name, _, quality = part.partition(";")
        welcome[name.strip()] = quality.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return welcome.get("gzip", welcome.get("*", False))


def _liking(ranges: list[MediaTypeHeader], media_type: str) -> tuple[float, bool]:
    """The quality of a media type, and whether a more specific range than `*/*` matches it: a client that names JSON
    beside `*/*` prefers JSON.

    RFC 9110, 12.5.1: the most specific range decides.
    """
    offered = MediaTypeHeader(media_type)
    fitting = [
        ((each.maintype != "*") + (each.subtype != "*"), _number(each.params.get("q", "1")))
        for each in ranges
        if offered.match(each)
    ]
    specific, quality = max(fitting, default=(0, 0.0))
    return quality, specific > 0


def _number(quality: str) -> float:
    return float(quality) if re.fullmatch(r"[01](\.\d{0,3})?", quality, re.ASCII) else 1.0
