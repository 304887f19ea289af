"""What fill and replay have in common: existing readings are sent as fast as the service accepts them."""

import asyncio
import time
from collections.abc import Callable, Iterator
from datetime import datetime

import click

from emitter.commands.parcels import Carrier, Parcel
from emitter.commands.progress import Meter, metering
from emitter.commands.stopping import deliver, stop_signals
from emitter.commands.threads import in_thread
from emitter.commands.words import counted, readings
from emitter.errors import EmitterError, NotFinished
from emitter.producer import Link, Tally

BATCH = 1000
"""The default number of readings in a batch."""


class Pace:
    """Plays back time, `speed` times as fast as it passed. The first time that is waited for is due at once."""

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
    """Sends all the parcels. `note` returns a text that is appended to the summary."""

    def __init__(
        self, parcels: Iterator[Parcel], link: Link, pace: Pace | None = None, note: Callable[[], str] = str
    ) -> None:
        self._parcels = parcels
        self._link = link
        self._pace = pace
        self._note = note
        self._tally = Tally()

    def run(self, label: str, total: int | None, grace: float) -> None:
        """Runs until everything is answered. At the end, even if that is early, it prints a summary in one line.

        Raises NotFinished where it was stopped by a signal, or something was refused.
        """
        started = time.monotonic()
        try:
            with metering(label, total) as meter:
                asyncio.run(self._carry(meter, grace))
        finally:
            if self._tally.connections:
                click.echo(self._summary(time.monotonic() - started))

    async def _carry(self, meter: Meter, grace: float) -> None:
        carrier = Carrier(self._link)
        with stop_signals() as stop:
            async with carrier.producer:
                self._tally = carrier.producer.tally
                if not await deliver(carrier.producer, self._produce(carrier, meter), stop, grace):
                    raise NotFinished(
                        "Stopped before the end. The same command again writes the rest, and nothing twice."
                    )
        if self._tally.refused:
            raise NotFinished(f"{readings(self._tally.refused, 'refused')}. The first refusal: {carrier.refusal}")

    async def _produce(self, carrier: Carrier, meter: Meter) -> None:
        """Sends one parcel after the other. Where a parcel can't be made, the ones before it are still sent to their
        end."""
        in_hand, failure = asyncio.Semaphore(2 * self._link.window), None

        async def carry(parcel: Parcel) -> None:
            await carrier.carry(parcel)
            meter(parcel.weight)
            in_hand.release()

        try:
            async with asyncio.TaskGroup() as group:
                try:
                    while parcel := await in_thread(lambda: next(self._parcels, None)):
                        if self._pace and parcel.last:
                            await self._pace.keep(parcel.last)
                        await in_hand.acquire()
                        group.create_task(carry(parcel))
                except EmitterError as exc:
                    failure = exc
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None
        if failure:
            raise failure

    def _summary(self, seconds: float) -> str:
        tally = self._tally
        answered = tally.written + tally.duplicates
        return (
            f"{readings(tally.written)} written, {counted(tally.duplicates, 'duplicate', 'duplicates')}, "
            f"{tally.refused:,} refused"
            f"{self._note()}, {seconds:.1f} s, {answered / max(seconds, 1e-9):,.0f} readings/s"
        )
