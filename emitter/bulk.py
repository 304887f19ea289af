"""Readings that exist already, carried to the service as fast as it takes them: what fill and replay share."""

import asyncio
import time
from collections.abc import Callable, Iterator
from datetime import datetime

import click
import msgspec

from emitter.answers import Tally
from emitter.client import Sender
from emitter.delivery import deliver, in_thread, stop_signals
from emitter.errors import NotFinished
from emitter.link import Link
from emitter.outbox import Outbox
from emitter.progress import Meter, metering
from emitter.readings import Batch
from emitter.spool import Spool

BATCH = 1000
"""Readings to a batch, unless told otherwise."""
SPOOL_BYTES = 4 * 2**20
"""How far production may be ahead of acknowledgement."""


class Parcel(msgspec.Struct, frozen=True):
    """A batch, None where a stretch has no readings; its part of the work; and when its last reading was made."""

    batch: Batch | None
    weight: int
    last: datetime | None = None


class Pace:
    """Real time, run through `speed` times as fast, from the first time it is asked to keep."""

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._start: tuple[datetime, float] | None = None

    async def keep(self, moment: datetime) -> None:
        """Waits until `moment` is due."""
        if self._start is None:
            self._start = moment, time.monotonic()
        first, started = self._start
        await asyncio.sleep(started + (moment - first).total_seconds() / self._speed - time.monotonic())


class Bulk:
    """Carries parcels. They can be made again, under the same ids: their spool is in memory, a rerun is harmless.

    `note` has more to say in the last line.
    """

    def __init__(
        self, parcels: Iterator[Parcel], link: Link, pace: Pace | None = None, note: Callable[[], str] = str
    ) -> None:
        self._parcels = parcels
        self._link = link
        self._pace = pace
        self._note = note
        self._tally = Tally()

    def run(self, label: str, total: int | None, grace: float) -> None:
        """Until all is answered; then, or when it ends early, says in a line what became of it.

        NotFinished: stopped by a signal, or something was refused.
        """
        started = time.monotonic()
        try:
            with metering(label, total) as meter, Spool(None, SPOOL_BYTES) as spool:
                asyncio.run(self._carry(meter, spool, grace))
        finally:
            if self._tally.connections:
                click.echo(self._summary(time.monotonic() - started))

    async def _carry(self, meter: Meter, spool: Spool, grace: float) -> None:
        sender = Sender(Outbox(spool), self._link, lambda batch, *_: meter.settle(batch.id))
        self._tally = sender.tally
        with stop_signals() as stop:
            finished = await deliver(sender, self._produce(sender.outbox, meter), stop, grace)
        if not finished:
            raise NotFinished(
                "Stopped before the end. The same command again, with fixed times, writes the rest and nothing twice."
            )
        if self._tally.refused:
            raise NotFinished(f"{self._tally.refused:,} readings were refused, first: {spool.refused()[0][1]}")

    async def _produce(self, outbox: Outbox, meter: Meter) -> None:
        while parcel := await in_thread(lambda: next(self._parcels, None)):
            if self._pace and parcel.last:
                await self._pace.keep(parcel.last)
            if parcel.batch is None:
                meter.advance(parcel.weight)
            else:
                meter.expect(parcel.batch.id, parcel.weight)
                await outbox.put(parcel.batch)

    def _summary(self, seconds: float) -> str:
        tally = self._tally
        answered = tally.written + tally.duplicates
        return (
            f"{tally.written:,} readings written, {tally.duplicates:,} duplicates, {tally.refused:,} refused"
            f"{self._note()}, {seconds:.1f} s, {answered / max(seconds, 1e-9):,.0f} readings/s"
        )
