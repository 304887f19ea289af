"""Heads of requests that are long to parse."""

from siege.target import Assault, Target
from siege.wire import ask, request


def accept(target: Target) -> Assault:
    """An `Accept` of 1 MB."""
    sent = request("GET", "/chart", fields={"Accept": "a/b;q=0.5," * 100_000})
    return lambda: ask(target, sent)


ATTACKS = (accept,)
