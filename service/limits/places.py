"""Places that callers share. Each may have as many as are free: one alone half of them, two a third each, so that there
is a place for whoever comes next (the dynamic thresholds of Choudhury and Hahne, https://doi.org/10.1109/90.664262)."""

from service.errors import ShareUsedUp, Unavailable


class Places:
    """So many places. `what` names what takes them, in errors: `views`, or `charts waiting`."""

    def __init__(self, what: str, number: int) -> None:
        self.what, self.number = what, number
        self._of: dict[str, int] = {}
        self.taken = 0

    def __contains__(self, caller: str) -> bool:
        """Whether this caller has a place."""
        return caller in self._of

    def __len__(self) -> int:
        """How many callers have places."""
        return len(self._of)

    def of(self, caller: str) -> int:
        """How many places this caller has."""
        return self._of.get(caller, 0)

    def check(self, caller: str) -> None:
        """Raise ShareUsedUp where this caller may not have another place, and Unavailable where nobody may."""
        free, mine = self.number - self.taken, self.of(caller)
        if free <= 0:
            raise self.full()
        if mine >= free:
            raise ShareUsedUp(
                f"Your key or address has {mine:,} {self.what} already, which is the share of one; "
                "try again in a moment."
            )

    def full(self) -> Unavailable:
        """The error where there is no place for anybody."""
        return Unavailable(f"There are too many {self.what}; try again in a moment.")

    def take(self, caller: str) -> None:
        """Take a place."""
        self._of[caller] = self.of(caller) + 1
        self.taken += 1

    def give_back(self, caller: str) -> None:
        """Give a place back."""
        self.taken -= 1
        if self._of[caller] == 1:
            del self._of[caller]
        else:
            self._of[caller] -= 1
