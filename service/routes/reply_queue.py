"""The answers that wait to be sent to one socket, bounded in number and in bytes."""

import asyncio
from collections import deque

from service.intake.waiting import Answer
from service.limits.allowance import Hold

EACH = 700
"""About how many bytes of memory an answer takes beside its text, with its id and the batch's future."""
FREE, STEP, MOST = 20 * EACH, 20 * EACH, 1000 * EACH
"""The bytes of answers that every socket may have, whatever others hold, so that they go on; how many more are taken
or given back at once; and about the most, a thousand acknowledgements, before a client's frames have to wait."""

Reply = tuple[str, int, Answer, float] | str
"""A batch's id, its number of readings, its future answer, and when it was received; or the text of an error."""


class Replies(asyncio.Queue[Reply | None]):
    """A queue that counts what waits in it. asyncio's is made to be extended by `_init`, `_put` and `_get`."""

    def __init__(self, hold: Hold) -> None:
        super().__init__()
        self._hold = hold
        self._texts = 0
        self._room = FREE

    def full(self) -> bool:
        """Whether an answer has to wait."""
        size = EACH * len(self._queue) + self._texts
        return size >= self._room and not self._grow(size)

    def forget(self) -> None:
        """Give back what is held, at the end of the socket."""
        self._hold.release()

    def _grow(self, size: int) -> bool:
        """Make room for more than so many bytes, if there may be more."""
        if size >= MOST or not self._hold.take(size + STEP - self._room):
            return False
        self._room = size + STEP
        return True

    def _shrink(self) -> None:
        """Give back what there was more room than needed for, if it is much."""
        size = EACH * len(self._queue) + self._texts
        if size + 2 * STEP < self._room:
            self._room = max(FREE, size + STEP)
            self._hold.set(self._room - FREE)

    def _init(self, maxsize: int) -> None:
        self._queue: deque[Reply | None] = deque()

    def _put(self, item: Reply | None) -> None:
        self._queue.append(item)
        if isinstance(item, str):
            self._texts += len(item)

    def _get(self) -> Reply | None:
        item: Reply | None = self._queue.popleft()
        if isinstance(item, str):
            self._texts -= len(item)
        if self._room > FREE:
            self._shrink()
        return item
