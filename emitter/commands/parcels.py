"""Sends readings that an earlier run may have sent before, all or some of them, so that none is written twice.

The service recognises a batch only by its id, so a reading that was sent in one batch must never be sent in another. A
parcel is either committed as one batch with the parcel's id; or an empty batch takes that id, and the readings are sent
in pieces with ids of their own. Whichever comes first is final: the service refuses the same id with other content, and
by that a later run finds out what an earlier one did.
"""

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime

import msgspec

from emitter.producer import Answer, Batch, Link, Producer, Refused
from emitter.producer.readings import envelope

SPOOL_BYTES = 4 * 2**20
"""The most bytes that may wait for acknowledgement before the next parcel is made."""


class Parcel(msgspec.Struct, frozen=True, kw_only=True):
    """Readings that belong together: as one batch in `whole`, which is None unless the parcel is complete, and in
    `pieces`.

    `weight` is its share of the progress. `last` is the time of its last reading, None where it has no readings.
    """

    id: str
    weight: int
    readings: int = 0
    whole: Batch | None = None
    pieces: Callable[[], Iterable[Batch]] = tuple
    last: datetime | None = None


class Carrier:
    """Sends parcels, any number at the same time. They can be made again with the same ids, so its producer keeps them
    in memory and not in a file."""

    def __init__(self, link: Link) -> None:
        self._asked: dict[str, asyncio.Future[Answer]] = {}
        self.producer = Producer(
            link, max_bytes=SPOOL_BYTES, listener=self._hear, expected=lambda problem: problem.id_taken
        )
        self.refusal = ""
        """The reason of the first refusal."""

    async def carry(self, parcel: Parcel) -> None:
        """Sends a parcel and waits until all of it is answered. The producer's tally counts the answers."""
        if not parcel.readings:
            return
        if parcel.whole and not _id_taken(answer := await self._answer(parcel.whole)):
            self._note(answer)
            return
        claim = await self._answer(envelope(parcel.id, ()))
        if _id_taken(claim) and not parcel.whole:
            self.producer.tally.duplicates += parcel.readings
        # the parcel was committed as one batch before and has changed, or is refused for another reason
        elif isinstance(claim, Refused):
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
        if isinstance(answer, Refused):
            self.refusal = self.refusal or str(answer.problem)


def _id_taken(answer: Answer) -> bool:
    return isinstance(answer, Refused) and answer.problem.id_taken
