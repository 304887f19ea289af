"""What may be held for all clients together, in bytes of memory, connections or places, and how much of it one may
have.

One may hold as much as is free. So one alone gets half of everything, two get a third each, and something is
left for one that comes later, without any list of shares: the dynamic thresholds of Choudhury and Hahne,
https://doi.org/10.1109/90.664262.
"""

from types import TracebackType
from typing import Self


class Allowance:
    """So much, shared by all who hold some of it. What None holds is nobody's share."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0
        self._of: dict[str, int] = {}

    def of(self, owner: str | None) -> int:
        """How much of its share this one holds."""
        return 0 if owner is None else self._of.get(owner, 0)

    def hold(self, owner: str | None) -> "Hold":
        """What one connection or request of an owner holds: nothing, at first."""
        return Hold(self, owner)

    def left(self, owner: str | None) -> int:
        """How much more this one may hold; negative where it holds too much."""
        return self.limit - self.used - self.of(owner)

    def change(self, owner: str | None, amount: int) -> None:
        """Count that somebody holds so much more, or less."""
        self.used += amount
        if owner is None:
            return
        if held := self.of(owner) + amount:
            self._of[owner] = held
        else:
            self._of.pop(owner, None)


class Hold:
    """What one connection or request holds. As a context manager it gives everything back at the end."""

    __slots__ = ("_allowance", "_owner", "size")

    def __init__(self, allowance: Allowance, owner: str | None) -> None:
        self._allowance, self._owner = allowance, owner
        self.size = 0

    def take(self, amount: int) -> bool:
        """Hold so much more, if there is so much left for its owner."""
        if amount > self._allowance.left(self._owner):
            return False
        self.size += amount
        self._allowance.change(self._owner, amount)
        return True

    def set(self, size: int) -> bool:
        """Note that so much is held now, which can't be prevented any more, and return whether it may become more."""
        if size != self.size:
            self._allowance.change(self._owner, size - self.size)
            self.size = size
        return self._allowance.left(self._owner) > 0

    @property
    def has_room(self) -> bool:
        """Whether more may be held."""
        return self._allowance.left(self._owner) > 0

    @property
    def overdrawn(self) -> bool:
        """Whether so much too much is held that waiting isn't enough: an eighth of the whole allowance."""
        return self._allowance.left(self._owner) < -self._allowance.limit // 8

    def release(self) -> None:
        """Give everything back."""
        if self.size:
            self.set(0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.release()
