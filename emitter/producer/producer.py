"""The interface of the producer: an async context manager that accepts readings and delivers them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from emitter.producer.answers import Problem, Tally
from emitter.producer.errors import Undelivered
from emitter.producer.exchange import Listener
from emitter.producer.link import Link, websocket_url
from emitter.producer.outbox import Outbox
from emitter.producer.readings import Batch, Reading, make_batch
from emitter.producer.sender import Sender
from emitter.producer.spool import Spool

SPOOL_BYTES = 64 * 2**20
GRACE = 10.0


class Producer:
    """Sends readings to a service, each at least once, so that the service writes each once.

    Readings are kept until the service has acknowledged them: fsynced in the file `spool`, where they survive outages
    of the service and any end of this process; without `spool`, in memory. At most `max_bytes` are kept; then `send`
    waits. A batch has an id, which is the same whenever it is sent again, and by which the service recognises it.

    `service`: its address (`ws://`, `wss://`, `http://`, `https://`), or a Link, which has more options. `listener`:
    called for each batch that is done. `expected`: tells which refusals aren't to be set aside and counted. `grace`:
    how many seconds the end of the block waits for the last acknowledgements.

    The `async with` block raises Rejected, Unreachable (where the link has a patience) or SpoolError, for which its
    body is cancelled. At its end it raises Undelivered where readings are left and there is no file that keeps them.
    """

    def __init__(
        self,
        service: str | Link,
        *,
        spool: Path | str | None = None,
        token: str | None = None,
        max_bytes: int = SPOOL_BYTES,
        grace: float = GRACE,
        listener: Listener = lambda *_: None,
        expected: Callable[[Problem], bool] = lambda _: False,
    ) -> None:
        self.link = service if isinstance(service, Link) else Link(url=websocket_url(service), token=token)
        self._path = Path(spool) if spool is not None else None
        self._max_bytes = max_bytes
        self._grace = grace
        self._listener = listener
        self._expected = expected

    async def __aenter__(self) -> Self:
        self._spool = Spool(self._path, self._max_bytes)
        self._outbox = Outbox(self._spool)
        self._sender = Sender(self._outbox, self.link, self._listener, self._expected)
        self._running: AbstractAsyncContextManager[None] = self._run()
        await self._running.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        return await self._running.__aexit__(kind, exc, traceback)

    async def send(
        self,
        *,
        plan: float | None = None,
        fact: float | None = None,
        series: str = "default",
        ts: datetime | None = None,
        attributes: Mapping[str, object] | None = None,
    ) -> None:
        """Accepts a reading as soon as there is room. Its time is now, unless `ts` (timezone-aware) is given. Raises
        BadReading for a reading that the service would refuse, which isn't kept."""
        reading = Reading(ts=ts or datetime.now(UTC), series=series, plan=plan, fact=fact, attributes=attributes or {})
        await self.send_batch(make_batch([reading]))

    async def send_batch(self, batch: Batch) -> None:
        """Accepts a batch, whose readings are committed together, as soon as there is room: see `make_batch`."""
        await self._outbox.put(batch)

    def offer_batch(self, batch: Batch) -> None:
        """Accepts a batch at once. Raises SpoolFull where there is no room."""
        self._outbox.offer(batch)

    async def drained(self, within: float | None = None) -> bool:
        """Waits until everything is answered, or for `within` seconds. Returns whether everything is."""
        try:
            async with asyncio.timeout(within):
                await self._outbox.drained()
        except TimeoutError:
            return False
        return True

    @property
    def tally(self) -> Tally:
        """The answers since this producer began, counted in readings."""
        return self._sender.tally

    @property
    def waiting(self) -> int:
        """The number of readings that aren't acknowledged yet."""
        return self._spool.readings

    @property
    def connected(self) -> bool:
        """Whether there is a connection at the moment."""
        return self._sender.connected

    def refused(self) -> list[tuple[str, str]]:
        """The ids of batches that the service refused for good, with its reasons; they are kept in the spool."""
        return self._spool.refused()

    @asynccontextmanager
    async def _run(self) -> AsyncIterator[None]:
        with self._spool:
            try:
                async with asyncio.TaskGroup() as group:
                    sending = group.create_task(self._sender.run())
                    yield
                    await self._finish()
                    sending.cancel()
            except BaseExceptionGroup as failures:
                raise failures.exceptions[0] from None

    async def _finish(self) -> None:
        if not await self.drained(self._grace) and not self._spool.path:
            raise Undelivered(
                f"Not acknowledged within {self._grace:g} s, and kept in memory only: {self.waiting} of the readings."
            )
