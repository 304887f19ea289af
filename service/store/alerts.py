"""Keeps which alerts have begun, and what is still to be sent about them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from service.store.pool import Pool


class Key(msgspec.Struct, frozen=True, order=True):
    """An alert: of a rule, and of a series, which is empty where the alert is about several together."""

    rule: str
    series: str


class Message(msgspec.Struct, frozen=True):
    """What is to be sent: that an alert has begun or, with `ends_at`, that it has ended. `id` stays the same however
    often it is sent."""

    number: int
    id: UUID
    key: Key
    detail: str
    starts_at: datetime
    ends_at: datetime | None


class Alerts:
    """The alerts of all replicas."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def all(self) -> set[Key]:
        """Those that have begun and haven't ended."""
        return {Key(*row) for row in await self._pool.read("alerts")}

    async def begin(self, key: Key, since: datetime, detail: str) -> None:
        """Begin an alert, unless it has begun already."""
        await self._pool.execute("begin_alert", key.rule, key.series, since, detail)

    async def end(self, key: Key, detail: str) -> None:
        """End an alert, if it has begun."""
        await self._pool.execute("end_alert", key.rule, key.series, detail)

    async def claim(self, pause: float, longest: float) -> Message | None:
        """The next message to send now, which nobody else is given for `pause` seconds, and for twice as long after
        each try, up to `longest`. Raises InDoubt where it may be lost in a failover, and with it that its alert has
        begun or ended: whoever was told so would never be told of the end, or twice of the same."""
        rows = await self._pool.confirm("claim_message", pause, longest)
        return next((_message(*row) for row in rows), None)

    async def settle(self, message: Message) -> None:
        """Forget a message that was sent."""
        await self._pool.execute("settle_message", message.number)

    async def drop(self, after: timedelta, most: int) -> Sequence[str]:
        """Give up messages that are older, and of each rule all but so many; the rules that they were of."""
        return [rule for (rule,) in await self._pool.read("drop_messages", after, most)]


def _message(
    number: int, identity: UUID, rule: str, series: str, detail: str, starts: datetime, ends: datetime | None
) -> Message:
    return Message(number, identity, Key(rule, series), detail, starts, ends)
