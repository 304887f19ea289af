"""Texts that say what a key grants without the key itself: the sessions of browsers, and links that open one chart.

Both name the key by its id and say until when they hold, and are signed with a secret that all replicas share (HMAC
with SHA-256, RFC 2104). So nothing has to be remembered of them, and all of them end with their key.
"""

import base64
import hashlib
import hmac
import time
from collections.abc import Iterable
from urllib.parse import parse_qsl, urlencode

import msgspec

SIGNATURE, EXPIRES, SIGNER = "sig", "expires", "by"
"""The parameters of a signed link: the signature, the second since 1970 at which it ends, and the id of the key."""


class Signed(msgspec.Struct, frozen=True):
    """What is signed: by which key (its id), and until when, in seconds since 1970."""

    key: int
    until: int

    @property
    def has_ended(self) -> bool:
        return time.time() >= self.until


class Signatures:
    """Signs and checks with one secret."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def session(self, signed: Signed) -> str:
        """The text that a browser keeps in place of a key."""
        said = f"{signed.key}.{signed.until}"
        return f"{said}.{self._sign('session', said)}"

    def read_session(self, text: str) -> Signed | None:
        """What a session says; None where it isn't one of ours."""
        said, _, signature = text.rpartition(".")
        if not self._is_signed("session", said, signature):
            return None
        return _signed(*said.split("."))

    def link(self, query: str, signed: Signed) -> str:
        """The parameters of a link in which those of `query` are signed."""
        pairs = [*parse_qsl(query, keep_blank_values=True), (EXPIRES, str(signed.until)), (SIGNER, str(signed.key))]
        return urlencode([*pairs, (SIGNATURE, self._sign("link", canonical(pairs)))])

    def read_link(self, query: str) -> Signed | None:
        """What a signed link says; None where anything in it was changed."""
        pairs = parse_qsl(query, keep_blank_values=True)
        given = dict(pairs)
        rest = [pair for pair in pairs if pair[0] != SIGNATURE]
        if len(pairs) != len(rest) + 1 or not self._is_signed("link", canonical(rest), given[SIGNATURE]):
            return None
        return _signed(given.get(SIGNER, ""), given.get(EXPIRES, ""))

    def sealed(self, text: str) -> str:
        """What stands for a text where nobody is to learn it: the same wherever secret and text are the same."""
        return self._sign("sealed", text)

    def _sign(self, purpose: str, text: str) -> str:
        made = hmac.digest(self._secret, f"{purpose}\0{text}".encode("utf-8", "surrogatepass"), hashlib.sha256)
        return base64.urlsafe_b64encode(made).rstrip(b"=").decode()

    def _is_signed(self, purpose: str, text: str, signature: str) -> bool:
        return hmac.compare_digest(self._sign(purpose, text).encode(), signature.encode("utf-8", "surrogatepass"))


def canonical(pairs: Iterable[tuple[str, str]]) -> str:
    """Parameters as they are signed: whoever passes a link on may write them in another order or encoding."""
    return urlencode(sorted(pairs))


def unsigned(query: str) -> str | None:
    """The parameters of a signed link without those by which it is signed; None where it isn't signed."""
    pairs = parse_qsl(query, keep_blank_values=True)
    if SIGNATURE not in dict(pairs):
        return None
    return urlencode([pair for pair in pairs if pair[0] not in (SIGNATURE, EXPIRES, SIGNER)])


def _signed(key: str, until: str) -> Signed:
    return Signed(int(key), int(until))
