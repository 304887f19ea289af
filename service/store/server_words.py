"""What a database server says about an error, in one line."""

import asyncpg


def in_words(error: BaseException | asyncpg.PostgresLogMessage) -> str:
    """The server's message with its detail and hint, without a full stop at the end; for other errors their text."""
    if isinstance(error, asyncpg.PostgresLogMessage):
        parts = error.message, error.detail, error.hint
    elif isinstance(error, asyncpg.PostgresError):
        parts = (error.args[0] if error.args else "", getattr(error, "detail", None), getattr(error, "hint", None))
    else:
        return " ".join(str(error).split()).rstrip(".")
    return ". ".join(" ".join(str(part).split()).rstrip(".") for part in parts if part)
