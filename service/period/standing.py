"""Where plan and fact stand at a moment of a period: how far ahead, at what pace, and what is needed to finish."""

from datetime import timedelta

import msgspec

from service.period.comparison import difference

_HOUR, _MINUTE = timedelta(hours=1), timedelta(minutes=1)


class Standing(msgspec.Struct, frozen=True):
    """The sums at one moment. `target` is all that is planned for the period, `plan` the part of it that is due, and
    `fact` what was made in the minutes that are due; they are None where there is no such number. `passed` is how long
    something was planned, or made, in the steps so far, and `left` how long something is planned in those to come."""

    target: float | None
    plan: float | None
    fact: float | None
    passed: timedelta
    left: timedelta

    @property
    def ahead(self) -> float | None:
        """By how much the fact exceeds the plan that is due; negative where it is behind. No fact counts as 0."""
        if self.plan is None and self.fact is None:
            return None
        return difference(self.fact or 0, self.plan or 0)

    @property
    def attained(self) -> float | None:
        """The fact as a share of the plan that is due, in per cent; None where nothing was due."""
        return 100 * (self.fact or 0) / self.plan if self.plan else None

    @property
    def minutes_ahead(self) -> float | None:
        """In how many minutes so much is planned as the fact is ahead, at the pace at which it was planned so far; None
        where nothing was due, or it isn't known in how many minutes."""
        if not self.plan or self.ahead is None or self.plan < 0 or not self.passed:
            return None
        return self.ahead / self.plan * (self.passed / _MINUTE)

    @property
    def forecast(self) -> float | None:
        """What the fact comes to by the end of the period, if it goes on to be the same share of the plan; None where
        nothing is due yet."""
        if self.target is None or not self.plan:
            return None
        return self.target * (self.fact or 0) / self.plan

    @property
    def needed_an_hour(self) -> float | None:
        """What has to be made in each hour that is left to reach the target; None where none is left, or there is no
        target."""
        if self.target is None or self.left <= timedelta():
            return None
        return max(0.0, self.target - (self.fact or 0)) / (self.left / _HOUR)
