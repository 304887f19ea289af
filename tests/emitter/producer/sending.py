"""A producer that records what happens to it."""

import asyncio
from collections.abc import Iterable
from typing import Any

from emitter.producer import Answer, Batch, Link, Producer, Tally
from tests.desk import Desk


class Sending:
    """A producer without a file, the answers that it got, and what was left at its end."""

    def __init__(self, desk: Desk, max_bytes: int = 2**20, **link: Any) -> None:
        self.answers: list[tuple[str, Answer]] = []
        self.waiting = 0
        self.refused: list[tuple[str, str]] = []
        self.producer = Producer(Link(url=desk.url, **link), max_bytes=max_bytes, listener=self._note)

    @property
    def tally(self) -> Tally:
        return self.producer.tally

    async def send(self, batches: Iterable[Batch], pause: float = 0) -> None:
        """Sends batches until all are answered, or the producer gives up."""
        async with asyncio.timeout(5), self.producer:
            try:
                for batch in batches:
                    await self.producer.send_batch(batch)
                    if pause:
                        await asyncio.sleep(pause)
                await self.producer.drained()
            finally:
                self.waiting, self.refused = self.producer.waiting, self.producer.refused()

    def _note(self, batch: Batch, answer: Answer, seconds: float) -> None:
        assert 0 <= seconds < 10
        self.answers.append((batch.id, answer))
