"""The gate between all transports and the writer. It limits the rate of each address, hands batches to the writer, and
counts what is refused.

Every sender passes the same checks in the same order: the service isn't stopping, the sender is below its rate, and the
queue has room. Where a check fails, a request is refused, whereas a connection has to wait.
"""

import asyncio
from collections.abc import Callable

import msgspec

from service.access.grants import OPEN, Grant
from service.errors import Draining, TaktlineError, TooFast
from service.intake.batch import Packed
from service.intake.rates import Rates
from service.intake.reading import Rules
from service.intake.waiting import Answer
from service.intake.writer import Writer
from service.metrics import Metrics


class Sender(msgspec.Struct, frozen=True):
    """Who sends; there is one Sender for each connection or request. `transport` is the label of the refusal counter:
    websocket, tcp, or the route of a request; `grant` is what the sender may do."""

    transport: str
    address: str
    grant: Grant = OPEN


class Gate:
    """Admits senders, each of which gets an Entrance."""

    def __init__(self, writer: Writer, rates: Rates, rules: Rules, metrics: Metrics) -> None:
        self.writer, self.rates, self.rules, self._metrics = writer, rates, rules, metrics

    def enter(self, sender: Sender, on_refusal: Callable[[TaktlineError], None] | None = None) -> "Entrance":
        """An entrance for a connection, which may be kept waiting. Raises Draining where the service is stopping.
        `on_refusal` is called for what is refused later: see Entrance.watch."""
        if self.writer.closed:
            raise Draining
        return Entrance(self, sender, on_refusal)

    def enter_at_once(self, sender: Sender) -> "Entrance":
        """An entrance for a request, before its body is read. Raises Draining where the service is stopping, and
        TooFast where the sender is over its rate."""
        entrance = self.enter(sender)
        if seconds := self.rates.wait(sender.address):
            raise TooFast(seconds)
        return entrance

    def refused(self, transport: str, what: TaktlineError | str, count: int = 1) -> None:
        """Count a refusal, given the error or the label of its reason."""
        self._metrics.refused(transport, what if isinstance(what, str) else what.reason, count)


class Entrance:
    """Hands the batches of one sender to the writer. Errors that it raises aren't counted here, but by whoever answers
    them: connections call refused(), and the errors of requests are counted where HTTP errors are answered."""

    __slots__ = ("_gate", "_on_refusal", "_rates", "_sender", "_writer", "pausing", "rules")

    def __init__(self, gate: Gate, sender: Sender, on_refusal: Callable[[TaktlineError], None] | None) -> None:
        self._gate, self._writer, self._rates = gate, gate.writer, gate.rates
        self._sender, self._on_refusal = sender, on_refusal
        self.rules = gate.rules
        """The rules for this sender's readings."""
        self.pausing = False
        """Whether put() is waiting because of the sender's rate. If it is cancelled then, its batch was not handed
        over."""

    def offer(self, batch: Packed) -> Answer:
        """Hand over the batch of a request. Raises Draining, Overloaded or Unavailable where the writer doesn't accept
        it now. The rate isn't checked again, since it was checked before the body arrived."""
        answer = self._writer.offer(batch)
        self._rates.take(self._sender.address, batch.count)
        return answer

    def put_now(self, batch: Packed) -> Answer | None:
        """Hand over the batch of a connection; None where put() would have to wait."""
        if self._writer.closed:
            raise Draining
        if self._rates.wait(self._sender.address):
            return None
        answer = self._writer.put_now(batch)
        if answer is not None:
            self._rates.take(self._sender.address, batch.count)
        return answer

    async def put(self, batch: Packed) -> Answer:
        """Hand over the batch of a connection as soon as its rate allows it and the queue has room. Raises Draining
        where the service stops before."""
        if self._writer.closed:
            raise Draining
        if seconds := self._rates.wait(self._sender.address):
            self.pausing = True
            try:
                await asyncio.sleep(seconds)
            finally:
                self.pausing = False
        # counted before there is room, so that the connections of one address can't all wait for room at the same time
        self._rates.take(self._sender.address, batch.count)
        return await self._writer.put(batch)

    def watch(self, answer: Answer) -> None:
        """Take care of an answer that nobody awaits: a refusal is counted, and `on_refusal` is called."""
        answer.add_done_callback(self._learn)

    def refused(self, what: TaktlineError | str, count: int = 1) -> None:
        """Count what the gate, a parser or the database has refused to this sender, given the error or the label of its
        reason."""
        self._gate.refused(self._sender.transport, what, count)

    def _learn(self, answer: Answer) -> None:
        if answer.cancelled() or (error := answer.exception()) is None:
            return
        refusal = error if isinstance(error, TaktlineError) else TaktlineError(str(error))
        self.refused(refusal)
        if self._on_refusal is not None:
            self._on_refusal(refusal)
