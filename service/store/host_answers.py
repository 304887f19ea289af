"""What one of several hosts says when it is asked whether it is the primary."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

import asyncpg
import msgspec

from service.store.address import Host
from service.store.queries import query
from service.store.server_words import in_words

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

NOT_ALLOWED = (asyncpg.InsufficientPrivilegeError, asyncpg.UndefinedFunctionError, asyncpg.FeatureNotSupportedError)
_REFUSALS = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.ClientConfigurationError,
    asyncpg.ProtocolViolationError,  # a pooler that doesn't know a setting
    ValueError,
)
"""Errors that trying again doesn't mend."""


class Kind(Enum):
    """What a host is."""

    PRIMARY = "the primary"
    STANDBY = "a standby"
    AWAY = "down"
    REFUSED = "one that refuses us"
    WRONG = "a primary that isn't ours"


class Primary(msgspec.Struct, frozen=True):
    """A primary: the database cluster, whose copies share it, and its timeline, of which a promotion begins a later
    one. Both are "" where the server doesn't tell."""

    host: Host
    cluster: str = ""
    timeline: str = ""

    def differs_from(self, known: "Primary") -> str | None:
        """Why this can't be the primary after one that was known; None where it can."""
        if not (self.cluster and known.cluster):
            return None
        if self.cluster != known.cluster:
            return f"another database than the one at {known.host}; if that is meant, start Taktline again"
        if self.timeline < known.timeline:
            return f"a primary that was left behind, on timeline {self.timeline}, when {known.host} was promoted"
        return None


@dataclass(eq=False)
class Answer:
    """What a host has answered, and the connection by which it did, for the primary."""

    host: Host
    kind: Kind
    words: str
    primary: Primary
    connection: "Connection | None" = None

    def take(self) -> Connection:
        """The connection, for whoever asked for it."""
        con, self.connection = self.connection, None
        if con is None:
            raise AssertionError
        return con

    def drop(self) -> None:
        """Close the connection, if there is one that nobody has taken."""
        if self.connection is not None:
            self.connection.terminate()
            self.connection = None


async def asked(host: Host, opening: Callable[[], Awaitable[Connection]], limit: float) -> Answer:
    """Ask a host what it is, within so many seconds. It never raises what goes wrong with the host."""
    con: Connection | None = None
    try:
        async with asyncio.timeout(limit):
            con = await opening()
            answer = await _what_it_is(host, con)
    except _REFUSALS as exc:
        answer = Answer(host, Kind.REFUSED, in_words(exc), Primary(host))
    except TimeoutError:
        answer = Answer(host, Kind.AWAY, f"no answer within {limit:g} seconds", Primary(host))
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as exc:
        answer = Answer(host, Kind.AWAY, in_words(exc) or type(exc).__name__, Primary(host))
    except BaseException:
        if con is not None:
            con.terminate()
        raise
    if answer.kind is Kind.PRIMARY:
        answer.connection = con
    elif con is not None:
        con.terminate()
    return answer


async def _what_it_is(host: Host, con: Connection) -> Answer:
    try:
        [row] = await con.fetch(query("primary"))
    except NOT_ALLOWED:  # some vendors keep this to themselves
        [[standby]] = await con.fetch(query("ping"))
        kind = Kind.STANDBY if standby else Kind.PRIMARY
        return Answer(host, kind, kind.value, Primary(host))
    if row["standby"]:
        return Answer(host, Kind.STANDBY, Kind.STANDBY.value, Primary(host))
    if row["read_only"]:
        return Answer(host, Kind.STANDBY, "read-only", Primary(host))
    known = Primary(host, str(row["cluster"]), row["timeline"])
    return Answer(host, Kind.PRIMARY, Kind.PRIMARY.value, known)


def said(answers: Sequence[Answer]) -> str:
    """What the hosts have answered, in their order, for people."""
    return "; ".join(f"{one.host} is {one.words}" if _is_noun(one) else f"{one.host}: {one.words}" for one in answers)


def _is_noun(answer: Answer) -> bool:
    return answer.kind in (Kind.STANDBY, Kind.WRONG)
