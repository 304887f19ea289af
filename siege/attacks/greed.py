"""One who wants much of what everybody may have: readings, pictures, live pages."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from urllib.parse import quote

from siege.target import Assault, Target
from siege.wire import HANDSHAKE, TEXT, ask, frame, reach, request

SECONDS = 12.0
"""How long each attack goes on."""


def flood_of_frames(target: Target) -> Assault:
    """Empty readings over one socket, as fast as they are taken, for twelve seconds."""
    block = frame(TEXT, b"{}") * 4096

    async def flood() -> str:
        _, writer = await _shaken(target, "/")
        try:
            async with asyncio.timeout(SECONDS):
                while True:
                    writer.write(block)
                    await writer.drain()
        except TimeoutError:
            return "taken"
        finally:
            writer.transport.abort()

    return flood


def large_batches(target: Target) -> Assault:
    """Batches of 150,000 readings over four connections, one after the other, for twelve seconds."""
    body = b"[" + b'{"series":"greedy","fact":1},' * 149_999 + b'{"series":"greedy","fact":1}]'
    sent = request("POST", "/readings", body, {"Content-Type": "application/json"})
    return lambda: together(4, lambda _: ask(target, sent))


def large_pictures(target: Target) -> Assault:
    """Pictures of 3000 by 3000 pixels over 32 connections, one after the other, for twelve seconds."""

    def picture(number: int) -> Awaitable[str]:
        address = f"/chart?format=png&width=3000&height=3000&title={number}"
        return ask(target, request("GET", address))

    return lambda: together(32, picture)


def views_of_their_own(target: Target) -> Assault:
    """300 live pages that show different series, for twelve seconds."""

    async def look(number: int) -> str:
        reader, writer = await _shaken(target, f"/live?series={quote(f'series {number}')}")
        try:
            async with asyncio.timeout(SECONDS):
                while received := await reader.read(2**20):
                    if b'"refused' in received or b"event: refused" in received:
                        return "refused"
                return "closed"
        except TimeoutError:
            return "shown"
        finally:
            writer.transport.abort()

    async def assault() -> str:
        return _said(Counter(await asyncio.gather(*(look(number) for number in range(300)))))

    return assault


async def _shaken(target: Target, path: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await reach(target)
    writer.write(HANDSHAKE.replace("GET / ", f"GET {path} ", 1).encode())
    await reader.readuntil(b"\r\n\r\n")
    return reader, writer


async def together(connections: int, once: Callable[[int], Awaitable[str]]) -> str:
    """Ask again and again over several connections."""
    answers: Counter[str] = Counter()
    until = time.monotonic() + SECONDS

    async def again(number: int) -> None:
        while time.monotonic() < until:
            answers[await once(number)] += 1
            number += connections

    await asyncio.gather(*(again(number) for number in range(connections)))
    return _said(answers)


def _said(answers: Counter[str]) -> str:
    return ", ".join(f"{number} × {answer}" for answer, number in sorted(answers.items()))


ATTACKS = (flood_of_frames, large_batches, large_pictures, views_of_their_own)
