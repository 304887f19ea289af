"""Words that may be written in capitals."""


def in_small_letters(value: object) -> object:
    """A text in small letters; what isn't one as it is, for pydantic to refuse."""
    return value.lower() if isinstance(value, str) else value
