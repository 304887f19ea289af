"""Numbers of things, as a person would say them."""


def as_sentence(text: str) -> str:
    """It ends in one full stop, or in a question mark, whatever it quotes at its end."""
    return text if text.endswith("?") else f"{text.rstrip('.')}."


def counted(number: int, singular: str, plural: str) -> str:
    """`1 reading`, `2,000 readings`."""
    return f"{number:,} {singular if number == 1 else plural}"


def readings(number: int, what: str = "") -> str:
    """`1 reading was refused`, `2,000 readings were refused`, for what is `refused`; without it only the readings."""
    return (
        counted(number, f"reading was {what}", f"readings were {what}")
        if what
        else counted(number, "reading", "readings")
    )
