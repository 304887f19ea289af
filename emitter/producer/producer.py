"""The producer as others use it: an async context manager that takes readings and sees to their arrival."""

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

    What `send` has taken is kept until the service has acknowledged it: in the file `spool`, fsynced, over outages of
    the service and ends of this process, however it ends; without one in memory. At most `max_bytes` are kept: then
    `send` waits. A batch carries an id, the same whenever it is sent again, by which the service knows it.

    `service`: its address (`ws://`, `wss://`, `http://`, `https://`), or a Link for everything that may be set.
    `listener`: is told of each batch that is done with. `expected`: refusals that aren't to be put aside and counted.
    `grace`: seconds that leaving the block waits for the last acknowledgements.

    Raised out of the `async with`, whose body is cancelled for it: Rejected, Unreachable (where the link's patience has
    an end), SpoolError. Raised on leaving it: Undelivered, where there is no file that would keep the rest.
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
        """Takes a reading, of now unless `ts` (aware) says otherwise; waits for room. BadReading: nothing is kept."""
        reading = Reading(ts=ts or datetime.now(UTC), series=series, plan=plan, fact=fact, attributes=attributes or {})
        await self.send_batch(make_batch([reading]))

    async def send_batch(self, batch: Batch) -> None:
        """Takes readings that are committed together, as soon as there is room: see `make_batch`."""
        await self._outbox.put(batch)

    def offer_batch(self, batch: Batch) -> None:
        """Takes them at once or not at all: SpoolFull."""
        self._outbox.offer(batch)

    async def drained(self, within: float | None = None) -> bool:
        """Waits until all is answered, or so many seconds; whether it is."""
        try:
            async with asyncio.timeout(within):
                await self._outbox.drained()
        except TimeoutError:
            return False
        return True

    @property
    def tally(self) -> Tally:
        """What was answered since this producer began, in readings."""
        return self._sender.tally

    @property
    def waiting(self) -> int:
        """Readings that aren't acknowledged yet."""
        return self._spool.readings

    @property
    def connected(self) -> bool:
        """Whether there is a connection at the moment."""
        return self._sender.connected

    def refused(self) -> list[tuple[str, str]]:
        """Ids of the batches that the service refused for good, with its reason; they are kept aside in the spool."""
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
