"""What the tests of fill and replay share."""

from collections.abc import Iterator

from emitter.commands.parcels import Parcel


def batches_of(parcels: Iterator[Parcel]) -> dict[str, bytes]:
    """As they are sent where nothing was sent before."""
    sent = (batch for parcel in parcels for batch in ([parcel.whole] if parcel.whole else parcel.pieces()))
    return {batch.id: batch.payload for batch in sent}


def make_csv(rows: int) -> str:
    return "ts,fact\n" + "".join(f"{1_700_000_000 + number},{number}\n" for number in range(rows))
