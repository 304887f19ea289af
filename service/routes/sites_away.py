"""The header that names the sites of which nothing is known."""

from collections.abc import Sequence

SITES_AWAY = {
    "X_Sites_Away": "Of a service over several sites: those that don't answer, and that all numbers lack; absent where "
    "all do."
}
"""Its description."""


def sites_away(names: Sequence[str]) -> dict[str, str]:
    """The header, if it is needed."""
    return {"X-Sites-Away": ", ".join(names)} if names else {}
