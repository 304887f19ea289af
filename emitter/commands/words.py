"""Texts about numbers of things, for people."""


def as_sentence(text: str) -> str:
    """The text with exactly one full stop at its end, unless it ends with a question mark."""
    return text if text.endswith("?") else f"{text.rstrip('.')}."


def counted(number: int, singular: str, plural: str) -> str:
    """`1 reading`, `2,000 readings`."""
    return f"{number:,} {singular if number == 1 else plural}"


def readings(number: int, what: str = "") -> str:
    """`1 reading was refused`, `2,000 readings were refused` if `what` is `refused`; without it `1 reading`, `2,000
    readings`."""
    return (
        counted(number, f"reading was {what}", f"readings were {what}")
        if what
        else counted(number, "reading", "readings")
    )
