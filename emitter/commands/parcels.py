"""Readings that may have been sent before, in part or in other company, carried so that none is written twice.

The service knows a batch by its id alone, so a reading that travelled in one batch must never travel in another. A
parcel is either committed whole, as one batch under the parcel's id; or an empty batch takes that id, and the readings
travel in pieces, which have ids of their own. Whichever comes first holds for good: the service refuses the same id
with other content, which is how a later run finds out what an earlier one did.
"""

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime

import msgspec

from emitter.producer import Answer, Batch, Link, Producer, Refusal
from emitter.producer.readings import envelope

SPOOL_BYTES = 4 * 2**20
"""How far production may be ahead of acknowledgement."""


class Parcel(msgspec.Struct, frozen=True, kw_only=True):
    """Readings that belong together: `whole` as one batch, None unless all of them are here; and in `pieces`.

    `weight`: its part of the work. `last`: when its last reading was made, None where it has no readings.
    """

    id: str
    weight: int
    readings: int = 0
    whole: Batch | None = None
    pieces: Callable[[], Iterable[Batch]] = tuple
    last: datetime | None = None


class Carrier:
    """Sends parcels, any number at a time. They can be made again, under the same ids: its producer keeps no file."""

    def __init__(self, link: Link) -> None:
        self._asked: dict[str, asyncio.Future[Answer]] = {}
        self.producer = Producer(
            link, max_bytes=SPOOL_BYTES, listener=self._hear, expected=lambda problem: problem.id_taken
        )
        self.refusal = ""
        """The first reason that was given."""

    async def carry(self, parcel: Parcel) -> None:
        """Until all of it is answered; what became of it is in the producer's tally."""
        if not parcel.readings:
            return
        if parcel.whole and not _id_taken(answer := await self._answer(parcel.whole)):
            self._note(answer)
            return
        claim = await self._answer(envelope(parcel.id, ()))
        if _id_taken(claim) and not parcel.whole:
            self.producer.tally.duplicates += parcel.readings
        elif isinstance(claim, Refusal):  # or it was committed whole before, and isn't the same any more
            self.producer.tally.refused += parcel.readings
            self._note(claim)
        else:
            answers = [await self._ask(piece) for piece in parcel.pieces()]
            for answer in await asyncio.gather(*answers):
                self._note(answer)

    async def _answer(self, batch: Batch) -> Answer:
        return await (await self._ask(batch))

    async def _ask(self, batch: Batch) -> asyncio.Future[Answer]:
        """Sends a batch as soon as there is room; its answer comes later."""
        asked = self._asked[batch.id] = asyncio.get_running_loop().create_future()
        await self.producer.send_batch(batch)
        return asked

    def _hear(self, batch: Batch, answer: Answer, _: float) -> None:
        asked = self._asked.pop(batch.id, None)
        if asked and not asked.done():
            asked.set_result(answer)

    def _note(self, answer: Answer) -> None:
        if isinstance(answer, Refusal):
            self.refusal = self.refusal or str(answer.problem)


def _id_taken(answer: Answer) -> bool:
    return isinstance(answer, Refusal) and answer.problem.id_taken
