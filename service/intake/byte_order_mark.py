"""The byte order mark with which some programs begin a text. The rule is the same for every format and transport.

At the beginning of a text, a mark in UTF-8 is skipped. A mark in UTF-16 means that the text can't be read.
"""

from collections.abc import AsyncIterator

from service.errors import BadRequest

_UTF8 = b"\xef\xbb\xbf"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
FIRST_BYTES = b"\xef\xff\xfe"
"""The first bytes of all marks."""


def unmarked(text: bytes) -> bytes:
    """The text without its mark, if it has one. Raises BadRequest for the mark of another encoding."""
    if text.startswith(_UTF16):
        raise BadRequest("This is UTF-16; send UTF-8.")
    return text.removeprefix(_UTF8)


def may_be_marked(beginning: bytes | bytearray) -> bool:
    """Whether more bytes are needed to tell whether a text with this beginning has a mark."""
    return any(len(beginning) < len(mark) and mark.startswith(beginning) for mark in (_UTF8, *_UTF16))


async def without_mark(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The chunks of a text without its mark, which may be spread over several chunks."""
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
