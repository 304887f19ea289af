"""The errors of the service, one class for each kind, with the HTTP status and the message that clients get."""

from collections.abc import Sequence
from typing import ClassVar

import msgspec

from service.languages.sentence import sentence

MAX_ERRORS = 100
"""The most faulty items of a batch that an error names."""
MOST_QUOTED = 60
"""The most characters of a bad value that an error quotes."""


def counted(number: int, noun: str) -> str:
    """`1 reading`, `2,000 readings`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def quoted(text: str) -> str:
    """A bad value as an error quotes it, shortened where it is long."""
    return repr(text if len(text) <= MOST_QUOTED else text[: MOST_QUOTED - 1] + "…")


class Fault(msgspec.Struct, frozen=True):
    """One fault of one item of a batch. `index` counts from 0; `field` is the key at fault, or ""."""

    index: int
    field: str
    detail: str


class Refusal(Exception):
    """One field of one reading is at fault. It is raised and caught while a batch is checked, and never answered as it
    is."""

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(field, detail)
        self.field, self.detail = field, detail

    @classmethod
    def because(cls, field: str, wanted: str, given: str) -> "Refusal":
        """The refusal of a value that isn't what is wanted."""
        return cls(field, f"must be {wanted}, not {given}")


class TaktlineError(Exception):
    """Something went wrong."""

    status: int = 500
    reason: str = "internal"
    """The label of the refusal counter."""

    def __init__(self, detail: str | None = None) -> None:
        self.detail = detail or (type(self).__doc__ or "").strip()
        super().__init__(self.detail)


class StartError(TaktlineError):
    """Taktline can't start."""

    exit_status: ClassVar[int] = 1

    def __init__(self, detail: str | None = None) -> None:
        # it often ends with another program's message, with or without a full stop
        super().__init__(detail and f"{detail.rstrip('.')}.")


class EngineError(StartError):
    """The embedded engine can't start."""


class DatabaseUnusable(StartError):
    """The database can't be used."""


class DatabaseAway(DatabaseUnusable):
    """The database doesn't answer yet."""


class NotThere(StartError):
    """There is no Taktline whose database could be worked on."""


class SchemaError(StartError):
    """The schema in the database isn't the one this version knows."""


class BadRequest(TaktlineError):
    """The request can't be read."""

    status = 400
    reason = "malformed"

    def __init__(self, detail: str | None = None, faults: Sequence[Fault] = ()) -> None:
        super().__init__(detail)
        self.faults = tuple(faults[:MAX_ERRORS])


class BadHost(BadRequest):
    """The request doesn't say in one Host header which host it is for."""

    reason = "host"


def bad_parameter(name: str, detail: str) -> BadRequest:
    """The error for one parameter of an address."""
    return BadRequest(sentence("%(name)s: %(detail)s.", name=name, detail=detail), [Fault(0, name, detail)])


class BadReading(BadRequest):
    """A reading breaks the rules."""

    status = 422
    reason = "invalid"


class BatchMismatch(BadRequest):
    """This batch id was committed before with other content."""

    status = 422
    reason = "id_reused"

    def __init__(self) -> None:
        # producers tell this error from others with the same status by the field, not by the text
        super().__init__(None, [Fault(0, "id", "was committed before with other content")])


class TooManySeries(BadRequest):
    """There are too many series."""

    status = 422
    reason = "too_many_series"

    def __init__(self, name: str, most: int) -> None:
        super().__init__(
            f"{quoted(name)} would be a new series, and there are as many as MAX_SERIES allows, {most:,}. "
            "Write to a series that exists, or raise the setting."
        )


class Unauthorized(TaktlineError):
    """This needs a key."""

    status = 401
    reason = "no_key"


class WrongKey(Unauthorized):
    """There is no such key, or it was revoked or has expired."""

    reason = "wrong_key"


class Forbidden(TaktlineError):
    """This key may not do this."""

    status = 403
    reason = "forbidden"


class ForeignPage(Forbidden):
    """Pages of other sites may not do this."""

    reason = "origin"


class NoSuchPage(TaktlineError):
    """There is no such page."""

    status = 404
    reason = "no_such_page"


class AtTheSites(TaktlineError):
    """This service shows several sites and keeps nothing itself: ask the site."""

    status = 404
    reason = "at_the_sites"


class NoSocket(TaktlineError):
    """There is no WebSocket at this address."""

    status = 404
    reason = "no_socket"


class TooSlow(TaktlineError):
    """The rest of this request didn't come in time."""

    status = 408
    reason = "slow"


class HasChanged(TaktlineError):
    """These readings aren't those of the tag in If-Match any more."""

    status = 412
    reason = "changed"


class TooLarge(TaktlineError):
    """The request is too large."""

    status = 413
    reason = "too_large"


class HeadTooLarge(TaktlineError):
    """The address and the headers of this request are too long together."""

    status = 431
    reason = "head_too_large"


class UnsupportedType(TaktlineError):
    """This content type isn't understood."""

    status = 415
    reason = "content_type"


class WrongHost(TaktlineError):
    """This service isn't that host."""

    status = 421
    reason = "host"


class NotInstalled(TaktlineError):
    """This needs a package that isn't installed on the server."""

    status = 501
    reason = "not_installed"


class Unavailable(TaktlineError):
    """The service can't do this right now; try again."""

    status = 503
    reason = "unavailable"
    retry_after = 1
    """Seconds after which a client may try again."""


class TooMuchAtOnce(Unavailable):
    """The database has answered that it can't do this in one transaction, and has undone it."""

    reason = "too_much_at_once"


class Overloaded(Unavailable):
    """Too much waits to be written; try again."""

    reason = "overloaded"


class WaitedTooLong(Unavailable):
    """This has waited too long for the database, and was not written; try again."""

    reason = "waited"


class InDoubt(Unavailable):
    """It isn't known whether this was written. Send it again: with a batch id (Idempotency-Key) that is harmless."""

    reason = "in_doubt"
    retry_after = 10


class ShareUsedUp(Unavailable):
    """As much of yours waits as one caller may have; try again in a moment."""

    reason = "share"


class NoMemory(Unavailable):
    """The service holds as much for its clients, or for this one, as it may; try again in a moment."""

    reason = "memory"


class TooManyConnections(Unavailable):
    """Too many connections are open, or too many from this address; try again in a moment."""

    reason = "connections"
    retry_after = 5


class TooFast(Unavailable):
    """More readings come from this address, or by this key, than may; slow down."""

    status = 429
    reason = "rate"

    def __init__(self, retry_after: int) -> None:
        super().__init__()
        self.retry_after = retry_after


class TooManyGuesses(Unavailable):
    """Too many wrong keys came from this address; try again later."""

    status = 429
    reason = "guesses"

    def __init__(self, retry_after: int) -> None:
        super().__init__()
        self.retry_after = retry_after


class Draining(Unavailable):
    """The service is shutting down; try again."""

    reason = "draining"
