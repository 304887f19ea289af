"""The edges of steps on the clock of a zone."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

_ZERO, _MINUTE, _HOUR = timedelta(), timedelta(minutes=1), timedelta(hours=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class StepClock:
    """The edges of steps on the clock of a zone.

    Steps of an hour or less are counted from the full hours of that clock, which may be half an hour off those of UTC.
    Where the clock is set by half an hour, the hour in which that happens is one and a half hours long. Longer steps
    begin when the clock shows midnight, or 6, 12 or 18 o'clock, so that a day on which the clock changes has 23 or 25
    hours; weeks, months and years begin with their first day.

    Edges are whole minutes, as those of the rollups are. Long ago the clocks of zones were off UTC by seconds as well
    (that of Berlin by 53:28, until 1893); these seconds are left out.
    """

    def __init__(self, name: str, seconds: int, zone: str) -> None:
        self._name = name
        self._step = timedelta(seconds=seconds)
        self._zone = ZoneInfo(zone)

    def floor(self, moment: datetime) -> datetime:
        """The edge at or before `moment`."""
        if self._step > _HOUR:
            return self._long_floor(moment)
        offset = self._offset(moment)
        edge = moment - (moment + offset - _EPOCH) % self._step
        # where the clock was set between edge and moment, and not by whole steps, it showed no round time at `edge`
        return edge if (self._offset(edge) - offset) % self._step == _ZERO else self.floor(edge)

    def ceil(self, moment: datetime) -> datetime:
        """The edge at or after `moment`."""
        edge = self.floor(moment)
        return edge if edge == moment else self.next(edge)

    def next(self, edge: datetime) -> datetime:
        """The edge after `edge`."""
        if self._step > _HOUR:
            return self._instant(_following(self._local(edge), self._name, self._step))
        after = self.floor(edge + self._step)
        return after if after > edge else self.floor(edge + 2 * self._step)

    def _long_floor(self, moment: datetime) -> datetime:
        """The edge at or before `moment`, searched for from a step too early on: a clock may go back to the day
        before, or leave a day out."""
        edge = self._instant(self._local(moment - self._step))
        while (after := self.next(edge)) <= moment:
            edge = after
        return edge

    def _local(self, moment: datetime) -> datetime:
        """What the clock showed, or would have shown but for a change, when the step began in which `moment` lies."""
        return _beginning((moment + self._offset(moment)).replace(tzinfo=None), self._name, self._step)

    def _instant(self, local: datetime) -> datetime:
        """The first moment at which the clock shows `local`, or has passed it."""
        return local.replace(tzinfo=UTC) - _whole(local.replace(tzinfo=self._zone).utcoffset())

    def _offset(self, moment: datetime) -> timedelta:
        return _whole(moment.astimezone(self._zone).utcoffset())


def _whole(offset: timedelta | None) -> timedelta:
    return (offset or _ZERO) // _MINUTE * _MINUTE


def _beginning(local: datetime, step: str, length: timedelta) -> datetime:
    """When the step began, on the same clock, in which it shows `local`; for steps of more than an hour."""
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    match step:
        case "1y":
            return midnight.replace(month=1, day=1)
        case "1M":
            return midnight.replace(day=1)
        case "1w":
            return midnight - timedelta(days=midnight.weekday())
        case _:
            hours = length // _HOUR
            return midnight.replace(hour=local.hour // hours * hours)


def _following(local: datetime, step: str, length: timedelta) -> datetime:
    """When the step ends, on the same clock, that begins when it shows `local`."""
    match step:
        case "1y":
            return local.replace(year=local.year + 1)
        case "1M":
            return (local + timedelta(days=31)).replace(day=1)
        case _:
            return local + length
