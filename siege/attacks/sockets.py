"""WebSocket frames and TCP texts that are small to send and long to read."""

import asyncio

from siege.attacks.bodies import READINGS, array_of
from siege.target import Assault, Target
from siege.wire import BINARY, CONTINUATION, PING, TEXT, converse, frame, pour


def _on_sockets(target: Target, count: int, sent: bytes) -> Assault:
    """Send the same over several sockets at once."""

    async def assault() -> str:
        answers = await asyncio.gather(*(converse(target, sent) for _ in range(count)))
        return " ".join(sorted(set(answers)))

    return assault


def frames_of_zeros(target: Target) -> Assault:
    """Frames `[0,0,…]` of 400 KB, on five sockets at once."""
    return _on_sockets(target, 5, frame(TEXT, array_of(b"0", READINGS)))


def frames_of_attributes(target: Target) -> Assault:
    """Frames of 1 MB with readings that have an attribute each, with one id, on twenty sockets at once."""
    return _on_sockets(target, 20, frame(TEXT, b'{"id":"siege","readings":' + array_of(b'{"a":1}', READINGS) + b"}"))


def frames_of_empty_readings(target: Target) -> Assault:
    """Frames `[{},{},…]` of 60 KB, which are good, on five sockets at once, and then one that isn't."""
    return _on_sockets(target, 5, frame(TEXT, array_of(b"{}", 20_000)) + frame(TEXT, b"0"))


def messagepack(target: Target) -> Assault:
    """MessagePack: frames of 200 KB with empty arrays, on twenty sockets at once."""
    return _on_sockets(target, 20, frame(BINARY, b"\xdd" + READINGS.to_bytes(4) + b"\x90" * READINGS))


def messagepack_item(target: Target) -> Assault:
    """MessagePack: frames of 1 MB with one item, which has a million items, on five sockets at once."""
    return _on_sockets(target, 5, frame(BINARY, b"\x91\xdd" + (10**6).to_bytes(4) + b"\x90" * 10**6))


def messagepack_members(target: Target) -> Assault:
    """MessagePack: frames of 1 MB with an object of 300,000 members, on five sockets at once."""
    members = b"".join(b"\xa2" + b"%02x" % (number % 256) + b"\x01" for number in range(250_000))
    return _on_sockets(target, 5, frame(BINARY, b"\xdf" + (250_000).to_bytes(4) + members))


def empty_fragments(target: Target) -> Assault:
    """A message in 3 million empty fragments."""
    sent = frame(TEXT, b"", last=False) + frame(CONTINUATION, b"", last=False) * 3_000_000 + frame(CONTINUATION, b"{}")
    return lambda: converse(target, sent)


def pings(target: Target) -> Assault:
    """200,000 pings on each of five sockets, whose answers are read."""
    return _on_sockets(target, 5, frame(PING, b"") * 200_000 + frame(TEXT, b"0"))


def tiny_frames(target: Target) -> Assault:
    """100,000 frames that are no readings on each of five sockets, whose answers aren't read."""
    return _on_sockets(target, 5, frame(TEXT, b"0") * 100_000)


def tcp_brackets(target: Target) -> Assault:
    """Plain TCP: texts of nested brackets, 4 MB."""
    text = b'{"a":' + b"[" * 400 + b"]" * 400 + b"}\n"
    return lambda: pour(target, text * (2**22 // len(text)))


def tcp_items(target: Target) -> Assault:
    """Plain TCP: arrays of 1 MB with items that are none."""
    return lambda: pour(target, (array_of(b"[]", READINGS) + b"\n") * 20)


def tcp_rubbish(target: Target) -> Assault:
    """Plain TCP: 500,000 lines that aren't JSON."""
    return lambda: pour(target, b"{}\n" + b"}\n" * 500_000)


ATTACKS = (
    frames_of_zeros, frames_of_attributes, frames_of_empty_readings, messagepack, messagepack_item,
    messagepack_members, empty_fragments, pings, tiny_frames, tcp_brackets, tcp_items, tcp_rubbish,
)  # fmt: skip
