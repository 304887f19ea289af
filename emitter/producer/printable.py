"""What another program has sent, as it may be shown on a terminal and in a log."""

MOST = 500
"""The most characters that are shown of one text."""


def printable(text: str) -> str:
    """The text in one line: line breaks, control characters and marks of direction as escapes, and its end left out
    where it is long."""
    shown = "".join(
        char if char.isprintable() else char.encode("unicode_escape", "surrogatepass").decode() for char in text[:MOST]
    )
    return shown if len(shown) <= MOST else f"{shown[: MOST - 1]}…"
