"""The one door between every transport and the writer: who sends, how fast, is there room, and what was refused.

Whoever comes is asked the same in the same order: is the service going on, may this sender send, is there room. A
request is refused where the answer is no; a connection waits until it is yes.
"""

import asyncio
from collections.abc import Callable

import msgspec

from service.errors import Draining, TaktlineError, TooFast
from service.intake.batch import Packed
from service.intake.rates import Rates
from service.intake.reading import Rules
from service.intake.writer import Answer, Writer
from service.metrics import Metrics


class Sender(msgspec.Struct, frozen=True):
    """Who sends, made once a connection or request. `transport` is what the counter of refusals calls the way that it
    came by: websocket, tcp, or the route."""

    transport: str
    address: str


class Gate:
    """Lets senders in."""

    def __init__(self, writer: Writer, rates: Rates, rules: Rules, metrics: Metrics) -> None:
        self.writer, self.rates, self.rules, self._metrics = writer, rates, rules, metrics

    def enter(self, sender: Sender, told: Callable[[TaktlineError], None] | None = None) -> "Entrance":
        """The way in for a connection, which may be kept waiting; Draining at the end of the service. `told` is told
        of what is refused later: see Entrance.watch."""
        if self.writer.closed:
            raise Draining
        return Entrance(self, sender, told)

    def enter_at_once(self, sender: Sender) -> "Entrance":
        """The way in for a request, to be asked for before its body is read; Draining, and TooFast where the sender has
        to wait."""
        entrance = self.enter(sender)
        if seconds := self.rates.wait(sender.address):
            raise TooFast(seconds)
        return entrance

    def refused(self, transport: str, what: TaktlineError | str, count: int = 1) -> None:
        """Count what was refused to a sender: an error, or a reason."""
        self._metrics.refused(transport, what if isinstance(what, str) else what.reason, count)


class Entrance:
    """One sender's way in. What it raises is counted by whoever answers it, each refusal once: a connection calls
    refused(), and what a request is refused is counted where every error over HTTP is answered."""

    __slots__ = ("_gate", "_rates", "_sender", "_told", "_writer", "pausing", "rules")

    def __init__(self, gate: Gate, sender: Sender, told: Callable[[TaktlineError], None] | None) -> None:
        self._gate, self._writer, self._rates = gate, gate.writer, gate.rates
        self._sender, self._told = sender, told
        self.rules = gate.rules
        """What this sender's readings have to keep to."""
        self.pausing = False
        """Whether put() waits for the sender's rate: to cancel it then loses nothing that was handed over."""

    def offer(self, batch: Packed) -> Answer:
        """Hand over a request's batch; Draining, Overloaded or Unavailable where it isn't taken now. The rate isn't
        asked again: that a body took long to arrive is not held against its sender."""
        answer = self._writer.offer(batch)
        self._rates.take(self._sender.address, batch.count)
        return answer

    def put_now(self, batch: Packed) -> Answer | None:
        """Hand over a connection's batch; None where put() would wait."""
        if self._writer.closed:
            raise Draining
        if self._rates.wait(self._sender.address):
            return None
        answer = self._writer.put_now(batch)
        if answer is not None:
            self._rates.take(self._sender.address, batch.count)
        return answer

    async def put(self, batch: Packed) -> Answer:
        """Hand over a connection's batch when its sender may send and there is room; Draining when that is too late."""
        if self._writer.closed:
            raise Draining
        if seconds := self._rates.wait(self._sender.address):
            self.pausing = True
            try:
                await asyncio.sleep(seconds)
            finally:
                self.pausing = False
        # before there is room: others of this address that wait for room as well have to take turns
        self._rates.take(self._sender.address, batch.count)
        return await self._writer.put(batch)

    def watch(self, answer: Answer) -> None:
        """See to an answer that nobody waits for: a refusal is counted, and told to whoever wanted to be told."""
        answer.add_done_callback(self._learn)

    def refused(self, what: TaktlineError | str, count: int = 1) -> None:
        """Count what was refused to this sender, by the gate, by a parser or by the database: an error, or a reason."""
        self._gate.refused(self._sender.transport, what, count)

    def _learn(self, answer: Answer) -> None:
        if answer.cancelled() or (error := answer.exception()) is None:
            return
        refusal = error if isinstance(error, TaktlineError) else TaktlineError(str(error))
        self.refused(refusal)
        if self._told is not None:
            self._told(refusal)
