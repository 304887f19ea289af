"""The body of a request as it arrives: inflated where it was compressed, and never more than a limit."""

import asyncio
import zlib
from collections.abc import AsyncIterator

from service.errors import BadRequest, TooLarge, UnsupportedType
from service.intake.byte_order_mark import without_mark

CHUNK = 16 * 1024
"""Bytes handed on at most at a time; then others have their turn."""


async def inflate(body: AsyncIterator[bytes], encoding: str, limit: int) -> AsyncIterator[bytes]:
    """The chunks of a body with this Content-Encoding, without its byte order mark.

    UnsupportedType: an unknown encoding; BadRequest: broken gzip, or UTF-16; TooLarge: more than `limit` bytes.
    """
    match encoding.strip().lower():
        case "" | "identity":
            chunks = body
        case "gzip" | "x-gzip":
            chunks = _gunzip(body)
        case other:
            raise UnsupportedType(f"Content-Encoding {other} isn't understood; send gzip or none.")
    size = 0
    async for chunk in without_mark(chunks):
        for at in range(0, len(chunk), CHUNK):
            if size:
                await asyncio.sleep(0)
            piece = chunk[at : at + CHUNK]
            size += len(piece)
            if size > limit:
                raise too_large(limit)
            yield piece


def too_large(limit: int) -> TooLarge:
    """The body has more than `limit` bytes, as counted, or as its Content-Length says."""
    return TooLarge(f"The body is larger than {limit:,} bytes; send it in several requests.")


async def whole(chunks: AsyncIterator[bytes]) -> bytes:
    """All of a body."""
    return b"".join([chunk async for chunk in chunks])


async def lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The body in blocks of whole lines; the last line may lack its end."""
    rest: list[bytes] = []
    async for chunk in chunks:
        head, end, tail = chunk.rpartition(b"\n")
        if end:
            yield b"".join((*rest, head, end))
            rest = []
        rest.append(tail)
    if last := b"".join(rest):
        yield last


async def _gunzip(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Inflated in small pieces, so that a few bytes can't become a mountain before anybody counts them."""
    inflater = _gzip_member()
    try:
        async for chunk in body:
            data = chunk
            while data:
                if inflater.eof:  # gzip files may be put one after another
                    inflater = _gzip_member()
                yield inflater.decompress(data, CHUNK)
                data = inflater.unconsumed_tail or inflater.unused_data
    except zlib.error as exc:
        raise BadRequest(f"The body isn't gzip: {exc}.") from exc
    if not inflater.eof:
        raise BadRequest("The gzip body ends too early.")


def _gzip_member() -> "zlib._Decompress":
    return zlib.decompressobj(wbits=31)
