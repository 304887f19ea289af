"""What isn't kept any more of the readings of a selection."""

from datetime import datetime

import msgspec

from service.period.selection import Selection
from service.store.snapshot import Snapshot


class Remaining(msgspec.Struct, frozen=True):
    """The part of a selection of which readings are kept; and from when on that is, if there were readings before."""

    selection: Selection
    since: datetime | None


async def remaining(snapshot: Snapshot, selection: Selection) -> Remaining:
    """What is left of a selection, which names its series or selects all."""
    since, names = snapshot.kept.readings, selection.series.names
    if since is None or since <= selection.start:
        return Remaining(selection, None)
    [[gone]] = await snapshot.read("gone_before", selection.start, min(since, selection.end), names)
    rest = Selection(since, max(since, selection.end), selection.series)
    return Remaining(rest, since if gone else None)
