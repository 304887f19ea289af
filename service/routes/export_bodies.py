"""The body of an export, made of its parts, in each format."""

import asyncio
import zlib
from collections.abc import AsyncIterator
from typing import Protocol

from service.errors import NotInstalled
from service.routes.record_formats import ndjson, table_head, table_rows
from service.store import Columns

AT_ONCE = 2000
"""How many readings become text at once."""


class Writer(Protocol):
    """Writes a file of columns; what add() and end() return, one after the other, is the file."""

    def add(self, part: Columns) -> bytes: ...

    def end(self) -> bytes: ...


async def texts(parts: AsyncIterator[Columns], form: str, *, excel: bool) -> AsyncIterator[bytes]:
    """The readings as text, in pieces that take a few milliseconds each to make."""
    if form == "csv":
        yield table_head(excel=excel)
    async for part in parts:
        for some in part.slices(AT_ONCE):
            yield table_rows(some, excel=excel) if form == "csv" else ndjson(some)
            await asyncio.sleep(0)  # others have their turns, and the next part goes on coming


async def compressed(parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same as gzip."""
    packer = zlib.compressobj(6, wbits=31)
    async for part in parts:
        # in a thread, since zlib releases the interpreter's lock
        if packed := await asyncio.to_thread(packer.compress, part):
            yield packed
    yield packer.flush()


async def columnar(parts: AsyncIterator[Columns], writer: Writer) -> AsyncIterator[bytes]:
    """The readings as a file of columns. It is made in threads, since PyArrow releases the interpreter's lock."""
    async for part in parts:
        if written := await asyncio.to_thread(writer.add, part):
            yield written
    yield await asyncio.to_thread(writer.end)


async def open_writer(form: str) -> Writer:
    """What writes `arrow` or `parquet`. Raises NotInstalled without the extra."""
    return await asyncio.to_thread(_open_writer, form)


def _open_writer(form: str) -> Writer:
    try:
        # not before it is needed: it takes a third of a second and 40 MB of memory, and is an extra
        from service.routes.arrow_formats import ArrowStream, ParquetFile
    except ImportError as exc:
        raise NotInstalled(f"format={form} needs PyArrow; install taktline[arrow] on the server.") from exc
    return ArrowStream() if form == "arrow" else ParquetFile()
