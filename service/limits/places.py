"""Places that callers share, each of whom may have as many as are free."""

from service.errors import ShareUsedUp, Unavailable
from service.limits.allowance import Allowance


class Places(Allowance):
    """So many places. `what` names what takes them, in errors: `views`, or `charts waiting`."""

    def __init__(self, what: str, number: int) -> None:
        super().__init__(number)
        self.what = what

    def __contains__(self, caller: str) -> bool:
        """Whether this caller has a place."""
        return caller in self._of

    def __len__(self) -> int:
        """How many callers have places."""
        return len(self._of)

    def check(self, caller: str) -> None:
        """Raise ShareUsedUp where this caller may not have another place, and Unavailable where nobody may."""
        if self.used >= self.limit:
            raise self.full()
        if self.left(caller) <= 0:
            raise ShareUsedUp(
                f"Your key or address has {self.of(caller):,} {self.what} already, which is the share of one; "
                "try again in a moment."
            )

    def full(self) -> Unavailable:
        """The error where there is no place for anybody."""
        return Unavailable(f"There are too many {self.what}; try again in a moment.")

    def take(self, caller: str) -> None:
        """Take a place."""
        self.change(caller, 1)

    def give_back(self, caller: str) -> None:
        """Give a place back."""
        self.change(caller, -1)
