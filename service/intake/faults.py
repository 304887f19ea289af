"""The errors for batches: which items are at fault, and that there are too many."""

from collections.abc import Sequence

from service.errors import BadReading, Fault, TooLarge, counted

UNREAD = ", and the rest was not read"


def refusal(faults: Sequence[Fault], refused: int, more: str = "") -> BadReading:
    """The error for a batch of which so many readings are at fault, given the first of their faults."""
    first = faults[0]
    where = f"{first.field}: " if first.field else ""
    count = f"{counted(refused, 'reading')} {'was' if refused == 1 else 'were'} refused"
    return BadReading(f"{count}{more}; item {first.index} (counted from 0): {where}{first.detail}.", faults)


def too_many(most: int) -> TooLarge:
    """The error for a batch with more readings than it may have."""
    return TooLarge(f"A batch has at most {counted(most, 'reading')}; send them in several.")


def too_many_with(index: int, readings: int, most: int) -> TooLarge:
    """The error for a batch that gets too many readings with an item that stands for so many."""
    item = f"Item {index:,} (counted from 0) stands for {counted(readings, 'reading')}"
    if readings > most:
        return TooLarge(f"{item}, and a batch has at most {most:,}: divide it into items with a shorter `for`.")
    return TooLarge(f"{item}; with the items before it, a batch would have more than {most:,}: send {index:,} at once.")
