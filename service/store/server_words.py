"""What a database server says about an error, in one line."""

import asyncpg


def in_words(error: BaseException) -> str:
    """The server's message with its detail and hint, without a full stop at the end; for other errors their text."""
    if not isinstance(error, asyncpg.PostgresError):
        return " ".join(str(error).split()).rstrip(".")
    parts = (error.args[0] if error.args else "", getattr(error, "detail", None), getattr(error, "hint", None))
    return ". ".join(" ".join(str(part).split()).rstrip(".") for part in parts if part)
