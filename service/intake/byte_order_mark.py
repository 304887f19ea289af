"""The byte order mark that some programs begin a text with: one rule for every format, by whatever way it comes.

In UTF-8 it says nothing, and is skipped at the very beginning; in UTF-16 it says that nothing behind it can be read.
"""

from collections.abc import AsyncIterator

from service.errors import BadRequest

_UTF8 = b"\xef\xbb\xbf"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
FIRST_BYTES = b"\xef\xff\xfe"
"""What a mark begins with."""


def unmarked(text: bytes) -> bytes:
    """What is behind the mark, if there is one; BadRequest where the mark is another encoding's."""
    if text.startswith(_UTF16):
        raise BadRequest("This is UTF-16; send UTF-8.")
    return text.removeprefix(_UTF8)


def may_be_marked(beginning: bytes | bytearray) -> bool:
    """Whether it takes more bytes to tell if a text that begins like this has a mark."""
    return any(len(beginning) < len(mark) and mark.startswith(beginning) for mark in (_UTF8, *_UTF16))


async def without_mark(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same text, wherever it is cut, without its mark."""
    beginning = b""
    async for chunk in chunks:
        beginning += chunk
        if not may_be_marked(beginning):
            yield unmarked(beginning)
            break
    else:
        yield beginning
    async for chunk in chunks:
        yield chunk
