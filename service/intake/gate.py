"""The gate between all transports and the writer. It lets those in who may write, limits the rate of each address or
key, hands batches to the writer, and counts what is refused.

Every sender passes the same checks in the same order: the service isn't stopping, the sender may write, its key covers
all series of the batch, it is below its rate, there aren't too many series, and the queue has room. Where the rate or
the room isn't enough, a request is refused, whereas a connection has to wait; what a sender may not do, and new series
beyond the limit, are refused to both.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import lru_cache

import msgspec

from service.access.callers import caller
from service.access.grants import OPEN, Grant, Scope, matches
from service.errors import Draining, Forbidden, TaktlineError, TooFast, Unauthorized, Unavailable, quoted
from service.intake.batch import Outcome, Packed
from service.intake.copy_rows import name_in
from service.intake.rates import Rates
from service.intake.reading import Rules
from service.intake.series_limit import SeriesLimit
from service.intake.turns import Turns
from service.intake.waiting import Answer
from service.intake.writer import Writer
from service.limits.allowance import Allowance
from service.metrics import Metrics

LOOK_AGAIN = 1.0
"""Seconds until a connection's new series are looked up again where the database is away."""


class Sender(msgspec.Struct, frozen=True):
    """Who sends; there is one Sender for each connection or request. `transport` is the label of the refusal counter:
    websocket, tcp, or the route of a request; `grant` is what the sender may do."""

    transport: str
    address: str
    grant: Grant = OPEN

    @property
    def caller(self) -> str:
        """Who counts as one caller with this sender, where the service is shared out."""
        return caller(self.grant, self.address)

    @property
    def payer(self) -> str | int:
        """By what the sender's readings are counted: its key, where that has a rate of its own, otherwise its
        address."""
        return self.address if self.grant.rate is None or self.grant.key is None else self.grant.key


class Gate:
    """Admits senders, each of which gets an Entrance."""

    def __init__(
        self, writer: Writer, rates: Rates, rules: Rules, memory: Allowance, metrics: Metrics, series: SeriesLimit
    ) -> None:
        self.writer, self.rates, self.rules, self.memory = writer, rates, rules, memory
        self._metrics, self.series = metrics, series
        self.turns = Turns()
        self._acknowledgements: dict[str, Callable[[float], None]] = {}

    def enter(self, sender: Sender, on_refusal: Callable[[TaktlineError], None] | None = None) -> "Entrance":
        """An entrance for a connection, which may be kept waiting. Raises Draining where the service is stopping, and
        Unauthorized or Forbidden where the sender may not write. `on_refusal` is called for what is refused later: see
        Entrance.watch."""
        if self.writer.closed:
            raise Draining
        if not sender.grant.may(Scope.WRITE):
            raise Unauthorized if sender.grant.key is None else Forbidden
        return Entrance(self, sender, on_refusal)

    def enter_at_once(self, sender: Sender) -> "Entrance":
        """An entrance for a request, before its body is read. Raises Draining where the service is stopping, and
        TooFast where the sender is over its rate."""
        entrance = self.enter(sender)
        if seconds := self.rates.wait(sender.payer, sender.grant.rate):
            raise TooFast(seconds)
        return entrance

    def acknowledgements(self, transport: str) -> Callable[[float], None]:
        """What counts acknowledgements of a transport: see Entrance.acknowledged. There are few transports, and
        connections may be many."""
        if (known := self._acknowledgements.get(transport)) is None:
            known = self._acknowledgements[transport] = self._metrics.acknowledgements(transport)
        return known

    def refused(self, transport: str, what: TaktlineError | str, count: int = 1) -> None:
        """Count a refusal, given the error or the label of its reason."""
        self._metrics.refused(transport, what if isinstance(what, str) else what.reason, count)


class Entrance:
    """Hands the batches of one sender to the writer. Errors that it raises aren't counted here, but by whoever answers
    them: connections call refused(), and the errors of requests are counted where HTTP errors are answered."""

    __slots__ = (
        "_caller",
        "_gate",
        "_on_refusal",
        "_patterns",
        "_payer",
        "_rate",
        "_rates",
        "_sender",
        "_series",
        "_writer",
        "acknowledged",
        "hold",
        "pausing",
        "rules",
        "share",
    )

    def __init__(self, gate: Gate, sender: Sender, on_refusal: Callable[[TaktlineError], None] | None) -> None:
        self._gate, self._writer, self._rates, self._series = gate, gate.writer, gate.rates, gate.series
        self._sender, self._on_refusal = sender, on_refusal
        self._payer, self._rate, self._patterns = sender.payer, sender.grant.rate, sender.grant.series
        self._caller = sender.caller
        self.rules = gate.rules
        """The rules for this sender's readings."""
        self.share = gate.turns.share(self._caller)
        """In which this sender's readings are parsed."""
        self.acknowledged = gate.acknowledgements(sender.transport)
        """Is called with the seconds from receiving a batch to acknowledging it."""
        self.hold = gate.memory.hold(self._caller)
        """The memory for what has arrived and isn't handed over yet."""
        self.pausing = False
        """Whether put() is waiting because of the sender's rate, or until new series can be looked up. If it is
        cancelled then, its batch was not handed over."""

    def offer(self, batch: Packed) -> Awaitable[Outcome]:
        """Hand over the batch of a request. Raises Forbidden where the key doesn't cover its series, and Draining,
        Overloaded, ShareUsedUp or Unavailable where the writer doesn't accept it now; TooManySeries, which is raised
        when the result is awaited. The rate isn't checked again, since it was checked before the body arrived."""
        self._check(batch)
        new = self._series.new(batch)
        return self._offer_new(batch, new) if new else self._offer(batch)

    async def _offer_new(self, batch: Packed, new: frozenset[bytes]) -> Outcome:
        self.hold.set(batch.size)
        try:
            taken = await self._series.admit(new)
        finally:
            self.hold.release()
        try:
            return await self._offer(batch)
        finally:
            self._series.release(taken)

    def _offer(self, batch: Packed) -> Answer:
        answer = self._writer.offer(batch, self._caller)
        self._rates.take(self._payer, batch.count, self._rate)
        return answer

    def put_now(self, batch: Packed) -> Answer | None:
        """Hand over the batch of a connection; None where put() would have to wait. Raises Forbidden where the key
        doesn't cover its series."""
        if self._writer.closed:
            raise Draining
        self._check(batch)
        if self._rates.wait(self._payer, self._rate) or self._series.new(batch):
            return None
        answer = self._writer.put_now(batch, self._caller)
        if answer is not None:
            self._rates.take(self._payer, batch.count, self._rate)
        return answer

    async def put(self, batch: Packed) -> Answer:
        """Hand over the batch of a connection as soon as its rate allows it and the queue has room. Raises Draining
        where the service stops before, TooManySeries, and Forbidden where the key doesn't cover its series."""
        if self._writer.closed:
            raise Draining
        self._check(batch)
        taken = self._series.new(batch)
        self.pausing = True
        try:
            if seconds := self._rates.wait(self._payer, self._rate):
                await asyncio.sleep(seconds)
            if taken:
                taken = await self._admit(taken)
        finally:
            self.pausing = False
        # counted before there is room, so that the connections of one address can't all wait for room at the same time
        self._rates.take(self._payer, batch.count, self._rate)
        if not taken:
            return await self._writer.put(batch, self._caller)
        try:
            answer = await self._writer.put(batch, self._caller)
        except BaseException:
            self._series.release(taken)
            raise
        answer.add_done_callback(lambda _: self._series.release(taken))
        return answer

    async def _admit(self, new: frozenset[bytes]) -> frozenset[bytes]:
        """Take new series, as soon as the database can be asked. Raises Draining where the service stops before, and
        TooManySeries."""
        while not self._writer.closed:
            try:
                return await self._series.admit(new)
            except Unavailable:
                await asyncio.sleep(LOOK_AGAIN)
        raise Draining

    @asynccontextmanager
    async def beside(self, batch: Packed) -> AsyncIterator[None]:
        """A block that writes a batch past the writer, as a correction does. Raises Forbidden where the key doesn't
        cover its series, TooManySeries, and Unavailable where new series can't be looked up now."""
        self._check(batch)
        new = self._series.new(batch)
        taken = await self._series.admit(new) if new else new
        try:
            yield
        finally:
            self._series.release(taken)
        self._rates.take(self._payer, batch.count, self._rate)

    def watch(self, answer: Answer) -> None:
        """Take care of an answer that nobody awaits: a refusal is counted, and `on_refusal` is called."""
        answer.add_done_callback(self._learn)

    def refused(self, what: TaktlineError | str, count: int = 1) -> None:
        """Count what the gate, a parser or the database has refused to this sender, given the error or the label of its
        reason."""
        self._gate.refused(self._sender.transport, what, count)

    def _check(self, batch: Packed) -> None:
        """Raise Forbidden where the sender's key doesn't cover all series of a batch."""
        if self._patterns is not None:
            for name in batch.series:
                if not _covers(self._patterns, name):
                    series = quoted(name_in(name))
                    raise Forbidden(f"The key {self._sender.grant.name!r} doesn't cover the series {series}.")

    def _learn(self, answer: Answer) -> None:
        if answer.cancelled() or (error := answer.exception()) is None:
            return
        refusal = error if isinstance(error, TaktlineError) else TaktlineError(str(error))
        self.refused(refusal)
        if self._on_refusal is not None:
            self._on_refusal(refusal)


@lru_cache(maxsize=4096)
def _covers(patterns: tuple[str, ...], series: bytes) -> bool:
    """Whether one of the patterns matches a series, which is given as rows have it. Cached, since a producer sends the
    same few series all the time."""
    name = name_in(series)
    return any(matches(pattern, name) for pattern in patterns)
