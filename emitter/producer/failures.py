"""Describes what ended a connection, and decides whether another attempt makes sense."""

import os
import re
from socket import gaierror
from ssl import SSLError

from websockets.exceptions import ConnectionClosed, InvalidHeader, InvalidProxy, InvalidStatus, WebSocketException

from emitter.producer.answers import read_problem
from emitter.producer.backoff import retry_after
from emitter.producer.errors import Rejected
from emitter.producer.link import Link
from emitter.producer.printable import printable

TRANSIENT = frozenset((404, 408, 421, 425, 429))
"""4xx statuses of a handshake after which to try again: proxies answer them while the service behind them starts."""
RESTARTING = frozenset((1001, 1012))
TOO_LARGE = 1009


class Silence(Exception):
    """The connection is open, but answers don't come."""


FAILURES = (OSError, WebSocketException, Silence)
"""The exceptions that can end a connection, after which another attempt may succeed."""


def check_refusal(link: Link, failure: Exception) -> None:
    """Raises Rejected where the handshake was answered with a status that will be the same next time."""
    if not isinstance(failure, InvalidStatus):
        return
    status = failure.response.status_code
    if 400 <= status < 500 and status not in TRANSIENT:
        raise Rejected(f"{link.name} refused the connection: {describe(failure)}. {_hint(link, status)}")


def asked_delay(failure: Exception) -> float | None:
    """The seconds that the service has asked to wait."""
    return retry_after(failure.response.headers.get("Retry-After")) if isinstance(failure, InvalidStatus) else None


def describe(failure: Exception) -> str:
    """A failure in a few words, of which some may be the other side's."""
    return printable(_describe(failure))


def _describe(failure: Exception) -> str:
    match failure:
        case InvalidStatus():
            return _describe_status(failure)
        case ConnectionClosed():
            return _describe_close(failure)
        case InvalidHeader():  # whose own text has the value, which may be a secret
            return f"the header {failure.name} is missing, or can't be used"
        case InvalidProxy():  # likewise
            return f"the proxy that the environment names can't be used: {failure.msg}"
        case TimeoutError():
            return "no answer to the connection attempt"
        case SSLError(reason="WRONG_VERSION_NUMBER"):
            return "what answers there doesn't speak TLS (is the address ws:// or http://?)"
        case SSLError() | gaierror():  # their error numbers aren't those of the system
            return failure.strerror or str(failure)
        case OSError():
            return _describe_os(failure)
        case _:
            return str(failure) or type(failure).__name__


def closed_with(failure: Exception) -> int | None:
    """The code with which the other side closed the connection."""
    return failure.rcvd.code if isinstance(failure, ConnectionClosed) and failure.rcvd else None


def _hint(link: Link, status: int) -> str:
    match status:
        case 401:
            return f"Is {link.credential} right?"
        case 403:
            return f"Are the address and {link.credential} right?"
        case _:
            return "Is the address right?"


def _describe_status(failure: InvalidStatus) -> str:
    response = failure.response
    detail = read_problem(bytes(response.body or b""))
    status = f"HTTP {response.status_code} {response.reason_phrase}".rstrip()
    if response.status_code < 400:
        return f"what answers there isn't a WebSocket service ({status})"
    return f"{status}, {detail.rstrip('.')}" if detail else status


def _describe_os(failure: OSError) -> str:
    """The description of a system error. For a host with several addresses, asyncio has put an error number for each
    into the text; where a connection is closed while TLS is agreed on, there is no text."""
    number = re.search(r"\[Errno (\d+)\]", str(failure))
    if number:
        return os.strerror(int(number[1]))
    return str(failure) or "the connection was closed without an answer (is it the port of the service?)"


def _describe_close(failure: ConnectionClosed) -> str:
    code = closed_with(failure)
    if failure.rcvd is None:
        return f"connection lost{f' ({failure.sent.reason})' if failure.sent and failure.sent.reason else ''}"
    if code in RESTARTING:
        return f"the service is going away (close code {code})"
    reason = failure.rcvd.reason.rstrip(".")
    return f"closed with code {code}{f', {reason}' if reason else ''}"
