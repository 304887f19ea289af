"""How long the service waits for its clients: for the rest of a request or of a frame, and until an answer is read.

No connection has a timer of its own for that. Once a second all connections are looked at, and what one of them was
waiting for then is compared with what it had been waiting for before. So waiting costs nothing where requests are fast.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

RATE = 500
"""Bytes that a client has to send or read for each second that it takes longer. Apache's mod_reqtimeout has the same
rule with the same number: https://httpd.apache.org/docs/2.4/mod/mod_reqtimeout.html."""


@dataclass(frozen=True)
class Patience:
    """Seconds that a client may take, before the time that its bytes give it."""

    silence: float = 75
    """To begin with its first request, as long as an idle connection is kept afterwards."""
    head: float = 20
    """For the head of a request."""
    body: float = 30
    """For its body, and for the rest of a WebSocket's frame."""
    text: float = 300
    """For the rest of a JSON text over TCP, whose clients may be slow and simple."""
    answer: float = 60
    """To read the next part of an answer."""
    look: float = 1
    """Seconds between two looks at all connections."""


class Wait:
    """What one connection is waiting for, and since when."""

    __slots__ = ("_done", "_since", "_what")

    def __init__(self) -> None:
        self._what: object = None
        self._since = 0.0
        self._done = 0

    def is_over(self, what: object, seconds: float, done: int, now: float) -> bool:
        """Whether the connection has been waiting for the same for longer than `seconds` and the time that the bytes
        give which were sent or read meanwhile. `done` counts these from any beginning."""
        if what != self._what:
            self._what, self._since, self._done = what, now, done
        return now - self._since > seconds + (done - self._done) / RATE

    def end(self) -> None:
        """Note that the connection isn't waiting for its client."""
        self._what = None


class Watched(Protocol):
    """A connection that can be looked at."""

    def look(self, now: float) -> None:
        """Give the connection up where its client takes too long."""


async def watch(connections: Callable[[], Iterable[Watched]], every: float) -> None:
    """Look at all connections again and again, until cancelled."""
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(every)
        now = loop.time()
        for number, connection in enumerate(list(connections())):
            if number % 500 == 499:
                await asyncio.sleep(0)
            connection.look(now)
