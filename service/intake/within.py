"""What the readings of a correction have to keep to: they come in the place of others. No I/O."""

import msgspec

from service.errors import Refusal, quoted
from service.intake.timestamps import MINUTE, show


class Within(msgspec.Struct, frozen=True):
    """The series of a correction, its range, from `start` up to but not including `end` in microseconds since 1970, and
    the field, plan or fact, if only that is corrected. Its methods raise Refusal, with the field at fault."""

    series: tuple[str, ...]
    start: int
    end: int
    field: str | None = None

    def series_of(self, name: str | None) -> str:
        """The series of a reading, given its name: where it has none, the only series that there is."""
        if name is None and len(self.series) == 1:
            return self.series[0]
        if name is None:
            raise Refusal("series", "is missing; this correction is of several series")
        if name not in self.series:
            raise Refusal("series", f"{quoted(name)} isn't among those that are corrected here")
        return name

    def check_time(self, ts: int | None, minutes: int | None) -> None:
        """Check that a reading, and all minutes of its span, lie in the range."""
        if ts is None:
            raise Refusal("ts", "is missing; in a correction each reading has its time")
        if not self.start <= ts < self.end:
            raise Refusal("ts", f"isn't in the range, from {show(self.start)} until {show(self.end)}")
        if minutes is not None and ts + (minutes - 1) * MINUTE >= self.end:
            raise Refusal("for", f"goes beyond the range, which ends at {show(self.end)}")

    def check_fields(self, plan: float | None, fact: float | None, attributes: bytes | None) -> None:
        """Check that a reading has the field that is corrected, and nothing else."""
        if self.field is None:
            return
        has = {"plan": plan is not None, "fact": fact is not None, "attributes": attributes is not None}
        if not has.pop(self.field):
            raise Refusal(self.field, f"is missing; field={self.field} replaces nothing else")
        if other := next((name for name, given in has.items() if given), None):
            raise Refusal(other, f"isn't allowed with field={self.field}, which leaves it as it is")
