"""Reads the body of a request as it arrives: decompresses it, and refuses it where it exceeds a limit, or where there
is no memory left for it."""

import zlib
from collections.abc import AsyncIterator
from time import perf_counter

from service.errors import BadRequest, NoMemory, TooLarge, UnsupportedType
from service.intake.byte_order_mark import without_mark
from service.intake.reading import MAX_SIZE
from service.intake.turns import Share
from service.limits.allowance import Hold

CHUNK = 16 * 1024
"""The most bytes that are decompressed in one go, and given at once."""
FREE = 4096
"""The bytes of a body that aren't counted, since every connection may hold so much."""


async def inflate(
    body: AsyncIterator[bytes], encoding: str, limit: int, share: Share, hold: Hold
) -> AsyncIterator[bytes]:
    """The decompressed chunks of a body with this Content-Encoding, without a byte order mark. Decompressing counts in
    the `share` of who sent it, and all chunks together are held in `hold`, which whoever keeps them releases.

    Raises UnsupportedType for an unknown encoding, BadRequest for broken gzip or UTF-16, TooLarge for more than `limit`
    bytes, NoMemory where the allowance is used up.
    """
    match encoding.strip().lower():
        case "" | "identity":
            chunks = body
        case "gzip" | "x-gzip":
            chunks = _gunzip(body, share)
        case other:
            raise UnsupportedType(f"Content-Encoding {other} isn't understood; send gzip or none.")
    size = 0
    async for chunk in without_mark(chunks):
        for at in range(0, len(chunk), CHUNK):
            piece = chunk[at : at + CHUNK]
            size += len(piece)
            if size > limit:
                raise too_large(limit)
            if size > FREE:
                keep(hold, size)
            yield piece


def too_large(limit: int) -> TooLarge:
    """The error for a body of more than `limit` bytes."""
    return TooLarge(f"The body is larger than {limit:,} bytes; send it in several requests.")


def keep(hold: Hold, size: int) -> None:
    """Hold at least so much for a body, or for what was made of it. Raises NoMemory where the allowance is used up."""
    if size > hold.size and not hold.take(size - hold.size):
        raise NoMemory


async def whole(chunks: AsyncIterator[bytes]) -> bytes:
    return b"".join([chunk async for chunk in chunks])


async def lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The body in blocks of whole lines; the last line may have no newline. Of a line that is longer than MAX_SIZE, one
    byte more than that is given."""
    rest = b""
    async for chunk in chunks:
        head, end, tail = chunk.rpartition(b"\n")
        if end:
            yield rest + head + end
            rest = b""
        rest = (rest + tail)[: MAX_SIZE + 1]
    if rest:
        yield rest


async def _gunzip(body: AsyncIterator[bytes], share: Share) -> AsyncIterator[bytes]:
    """The decompressed body in small pieces, so that the limit is checked before a few bytes have become very many."""
    inflater = _gzip_member()
    try:
        async for chunk in body:
            data = chunk
            while data:
                began = perf_counter()
                if inflater.eof:  # a gzip body may consist of several gzip files
                    inflater = _gzip_member()
                piece = inflater.decompress(data, CHUNK)
                data = inflater.unconsumed_tail or inflater.unused_data
                if share.has_worked(perf_counter() - began):
                    await share.rest()
                yield piece
    except zlib.error as exc:
        raise BadRequest(f"The body isn't gzip: {str(exc).rpartition(': ')[2]}.") from exc
    if not inflater.eof:
        raise BadRequest("The gzip body ends too early.")


def _gzip_member() -> "zlib._Decompress":
    return zlib.decompressobj(wbits=31)
