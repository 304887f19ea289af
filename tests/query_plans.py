"""Reads query plans as EXPLAIN gives them in JSON."""

from collections.abc import Iterator
from typing import Any

UPTO = object()
"""Among the parameters of a statement, stands for what sql/queries/upto.sql returns."""


def nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A node and all nodes below it."""
    yield node
    for part in node.get("Plans", ()):
        yield from nodes(part)
