"""The header that says from when on readings are kept."""

from datetime import datetime

KEPT_FROM = {
    "X_Kept_From": "From when on readings are kept, where what was asked for reaches further back: of what lies "
    "before, there are the rollups alone."
}
"""Its description."""


def kept_from(since: datetime | None) -> dict[str, str]:
    """The header, if it is needed."""
    return {} if since is None else {"X-Kept-From": since.isoformat(timespec="seconds").replace("+00:00", "Z")}
