"""Cursors: the place where a page of records ended, as opaque text."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from struct import Struct, error

import msgspec

from service.errors import bad_parameter, quoted
from service.intake.timestamps import microseconds
from service.languages.sentence import sentence
from service.period.selection import Place

_FORMAT = Struct(">?qq")  # backward, ts in microseconds since 1970, id
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Cursor(msgspec.Struct, frozen=True):
    """Stands for the records after a place, in the order of the page, or before it if `backward`."""

    place: Place
    backward: bool = False

    def text(self) -> str:
        """The cursor as the value of a parameter."""
        packed = _FORMAT.pack(self.backward, microseconds(self.place.ts), self.place.id)
        return urlsafe_b64encode(packed).rstrip(b"=").decode()


def read_cursor(text: str) -> Cursor:
    """The cursor in an address. Raises BadRequest for text that isn't a cursor."""
    try:
        backward, ts, number = _FORMAT.unpack(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        return Cursor(Place(_EPOCH + timedelta(microseconds=ts), number), backward)
    except (ValueError, OverflowError, error) as exc:
        wrong = sentence("%(value)s isn't from a link of ours; begin at page 1", value=quoted(text))
        raise bad_parameter("cursor", wrong) from exc
