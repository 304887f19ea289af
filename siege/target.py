"""The service under attack, as an attacker sees it, and what an attack is."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """Where the service listens."""

    host: str
    port: int
    tcp_port: int

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def ws(self) -> str:
        return f"ws://{self.host}:{self.port}/"


Assault = Callable[[], Awaitable[str]]
"""Attacks, and returns in a word how that was answered."""
Attack = Callable[[Target], Assault]
"""Prepares an attack on a target. Only the assault that it returns is measured."""


def name_of(attack: Attack) -> str:
    """The name of an attack on the command line."""
    name: str = getattr(attack, "__name__")  # noqa: B009 - a Callable has none for mypy
    return name.replace("_", "-")


def describe(attack: Attack) -> str:
    """What the attack does, in one line."""
    return " ".join((attack.__doc__ or "").split())
