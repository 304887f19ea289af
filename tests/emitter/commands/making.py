"""Helpers for the tests of fill and replay."""

from collections.abc import Iterator

from emitter.commands.parcels import Parcel


def batches_of(parcels: Iterator[Parcel]) -> dict[str, bytes]:
    """The batches that are sent where nothing was sent before, by their ids."""
    sent = (batch for parcel in parcels for batch in ([parcel.whole] if parcel.whole else parcel.pieces()))
    return {batch.id: batch.payload for batch in sent}


def make_csv(rows: int) -> str:
    return "ts,fact\n" + "".join(f"{1_700_000_000 + number},{number}\n" for number in range(rows))
