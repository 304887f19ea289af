"""What a database server, the driver or the system says about an error, in one line."""

import os
import re

import asyncpg

_OF_THE_DRIVER = {
    "cannot switch to state": "the server has ended the connection",
    "unexpected connection_lost() call": "the connection was lost",
}
"""What the driver says of its own state where a connection ends, by how that begins, and what it means."""


def in_words(error: BaseException | asyncpg.PostgresLogMessage) -> str:
    """The server's message with its detail and hint, without a full stop at the end; for other errors their text,
    without numbers and states that mean nothing to people."""
    if isinstance(error, asyncpg.PostgresLogMessage):
        parts = error.message, error.detail, error.hint
    elif isinstance(error, asyncpg.PostgresError):
        parts = (error.args[0] if error.args else "", getattr(error, "detail", None), getattr(error, "hint", None))
    else:
        text = " ".join(str(error).split()).rstrip(".")
        for beginning, meant in _OF_THE_DRIVER.items():
            if text.startswith(beginning):
                return meant
        return _of_the_system(text) if isinstance(error, OSError) else text
    return ". ".join(" ".join(str(part).split()).rstrip(".") for part in parts if part)


def _of_the_system(text: str) -> str:
    """The text of a system error without its number. asyncio puts its own words in the place of the system's, and for a
    name with several addresses one error after the other."""
    numbers = re.findall(r"\[Errno (-?\d+)\] ", text)
    if numbers and "Connect call failed" in text:
        return "; ".join(dict.fromkeys(os.strerror(int(number)) for number in numbers))
    return re.sub(r"\[Errno -?\d+\] ", "", text)
