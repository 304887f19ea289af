"""Decides what to send next, and what an answer or a lost connection means. No I/O: the sender has the connection.

A batch is done only when it is answered. After a lost connection all unanswered batches are sent again with the same
ids, which the protocol makes harmless.
"""

import logging
import time
from collections.abc import Callable
from typing import assert_never

from emitter.producer.answers import Answer, Duplicate, Problem, Refused, Tally, Written
from emitter.producer.backoff import Backoff
from emitter.producer.errors import Rejected, Unreachable
from emitter.producer.failures import TOO_LARGE, Silence, asked_delay, check_refusal, closed_with, describe
from emitter.producer.link import Link
from emitter.producer.readings import Batch
from emitter.producer.window import Sent, Window

SETTLED = 5.0
"""Seconds after which a connection counts as good even if nothing was sent on it."""

log = logging.getLogger(__name__)

Listener = Callable[[Batch, Answer, float], None]
"""Is called for every batch that is done, with the batch, its answer, and the seconds since it was last sent."""


class Exchange:
    """Sends the batches of a source in order, a window of them at a time, over one connection after the other.

    `settle` is called for each batch that is done; `complain` for each failure, with the seconds until the next
    attempt.
    """

    def __init__(
        self,
        link: Link,
        source: Callable[[], Batch | None],
        settle: Listener,
        tally: Tally,
        complain: Callable[[str, float], None] = lambda *_: None,
        *,
        settled_after: float = SETTLED,
    ) -> None:
        self.window = Window(source, link.window)
        self._link = link
        self._settle = settle
        self._tally = tally
        self._complain = complain
        self._settled_after = settled_after
        self._backoff = Backoff(link.patience)
        self._resume_at = 0.0
        self._began: float | None = None

    def begin(self) -> None:
        """Begins a connection."""
        self._tally.connections += 1
        self._began = time.monotonic()
        self.window.start()

    def next(self) -> Batch | None:
        """The batch to send now, which is then in flight. The caller asks again after each answer and after each
        pause."""
        return None if self.pause() else self.window.take()

    def pause(self) -> float:
        """The seconds for which nothing may be sent, because the service has asked for it or accepts nothing at
        present."""
        if not self._resume_at:
            return 0.0
        if (left := self._resume_at - time.monotonic()) <= 0:
            left = self._resume_at = 0.0
        return left

    def hear(self, answer: Answer) -> None:
        """Handles an answer. Raises Rejected where the service refuses this producer, and Silence where a new
        connection is needed."""
        match answer:
            case Written() | Duplicate():
                if sent := self.window.land(answer.id):
                    self._done(sent, answer)
            case Refused(problem=problem):
                if problem.status in (401, 403):
                    raise Rejected(
                        f"{self._link.name} accepts nothing from this producer: {problem}. "
                        f"Is {self._link.credential} right?"
                    )
                if sent := self._whose(answer):
                    if problem.passes:
                        self._postpone(sent, problem)
                    else:
                        self._done(sent, answer)
            case _:
                assert_never(answer)

    def lost(self, failure: Exception) -> float:
        """Handles a connection that failed or couldn't be made, and returns the seconds until the next attempt.

        Raises Rejected where another attempt would be useless, and Unreachable where the link's patience is over.
        """
        check_refusal(self._link, failure)
        if closed_with(failure) == TOO_LARGE:
            self._find_too_large()
        if self._began and not self.window and time.monotonic() - self._began > self._settled_after:
            self._backoff.succeed()
        self._began = None
        self._tally.retries += self.window.restart()
        return self._after_trouble(describe(failure), asked_delay(failure))

    def _done(self, sent: Sent, answer: Answer) -> None:
        self._backoff.succeed()
        self.window.widen()
        self._settle(sent.batch, answer, sent.age)

    def _whose(self, refusal: Refused) -> Sent | None:
        """The batch that is refused. Where the refusal has no id, the batches are sent again one by one to find out."""
        if refusal.id is None and len(self.window) > 1:
            self.window.narrow()
            raise Silence(f"a batch was refused without its id ({refusal.problem}); sending them one by one")
        sent = self.window.land(refusal.id)
        if sent is None:
            log.warning("refused, but this producer didn't send it", extra={"problem": str(refusal.problem)})
        return sent

    def _postpone(self, sent: Sent, problem: Problem) -> None:
        """Arranges that the batch is sent again on the same connection, after a pause."""
        self._tally.retries += 1
        self.window.again(sent)
        if not self.pause():  # the other batches of the window, sent before the pause, may be refused as well
            self._resume_at = time.monotonic() + self._after_trouble(str(problem), problem.retry_after)

    def _find_too_large(self) -> None:
        """Finds the frame that was too large. The service doesn't say which one it was, so they are sent one by one."""
        if sent := self.window.land(None):
            self._done(sent, Refused(None, Problem(413, detail="The frame is too large.")))
        else:
            self.window.narrow()

    def _after_trouble(self, reason: str, asked: float | None) -> float:
        """Logs the reason, and returns the seconds to wait. Raises Unreachable where that would be too long."""
        delay = self._backoff.fail(asked)
        if self._backoff.exhausted(delay):
            raise Unreachable(f"{self._link.name} has taken nothing for {self._link.patience:g} s: {reason}.")
        self._complain(reason, delay)
        return delay
