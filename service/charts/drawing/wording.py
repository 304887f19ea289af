"""The words in a chart: its title, subtitle, names and descriptions."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

from service.charts.drawing.picture import LABELS, Picture
from service.period.bucket import Panel
from service.period.comparison import Threshold
from service.period.shifts import Shift
from service.period.steps import Period

AGGREGATES = {"sum": "", "avg": "average", "min": "smallest", "max": "largest", "last": "last", "increase": "increase"}

_STEPS = {
    "1m": "minute",
    "5m": "5 minutes",
    "15m": "15 minutes",
    "30m": "30 minutes",
    "1h": "hour",
    "6h": "6 hours",
    "1d": "day",
    "1w": "week",
    "1M": "month",
    "1y": "year",
}


def default_title(
    agg: str, series: Sequence[str] | None, shift: Shift | None = None, labels: tuple[str, str] = LABELS
) -> str:
    """The title of a picture where nobody gave one."""
    plan, fact = labels
    parts = (f"{plan[:1].upper()}{plan[1:]} and {fact}", AGGREGATES[agg], _shift_named(shift) if shift else "")
    what = ", ".join(part for part in parts if part)
    return f"{what}: {_named(series)}" if series else what


def subtitle(picture: Picture) -> str:
    """The period, its zone and the offset from UTC, the step, and what the title leaves unsaid."""
    period = picture.period
    first, last = (moment.astimezone(ZoneInfo(period.zone)) for moment in (period.start, period.end))
    till = f"{last:%H:%M}" if first.date() == last.date() else f"{last:%Y-%m-%d %H:%M}"
    when = f"{first:%Y-%m-%d %H:%M} to {till}, {period.zone} ({_offsets(period)}), {_counted(picture)}"
    return "; ".join([when, *_unsaid(picture)])


def _counted(picture: Picture) -> str:
    return f"{picture.unit} per {_step(picture)}" if picture.unit else f"per {_step(picture)}"


def ahead_text(ahead: float, unit: str = "") -> str:
    """By how much the facts are ahead of what is due, or behind it."""
    if not ahead:
        return "on plan"
    size = f"{abs(ahead):.6g}" if abs(ahead) < 1e6 else abbreviated(float(f"{abs(ahead):.4g}"))
    return " ".join(part for part in (size, unit, "ahead" if ahead > 0 else "behind") if part)


def _step(picture: Picture) -> str:
    """The step and, where another one was asked for, why it isn't that."""
    step, asked = _STEPS[picture.period.step], picture.asked_step
    return f"{step} (steps of {asked} are too narrow to be seen)" if asked else step


def _unsaid(picture: Picture) -> Iterator[str]:
    if picture.period.open:
        yield picture.period.open.in_words
    if picture.split and len(picture.panels) > 1:
        yield "each panel has its own scale"
    if picture.earlier:
        plan, fact = picture.labels
        yield f"{plan}: {fact} of {picture.earlier.in_words} before"
    if picture.running:
        yield f"lines: totals {f'of each {picture.running.each}' if picture.running.each else 'so far'}"
    if picture.numbers.notes:
        yield "triangles: notes"
    yield from _kept(picture)
    if picture.title_given and picture.shift:
        yield _shift_named(picture.shift)
    if picture.title_given and AGGREGATES[picture.agg]:
        yield AGGREGATES[picture.agg]
    if picture.title_given and picture.series and not picture.split:
        yield _named(picture.series)


def _kept(picture: Picture) -> Iterator[str]:
    """What isn't kept any more."""
    zone, since, coarser = ZoneInfo(picture.period.zone), picture.numbers.since, picture.coarser
    if since and not (coarser and coarser.before >= since):
        yield f"before {since.astimezone(zone):%Y-%m-%d %H:%M} kept as minutes only"
    if coarser:
        yield coarser.in_words(f"{coarser.before.astimezone(zone):%Y-%m-%d %H:%M}")


def _named(series: Sequence[str]) -> str:
    return ", ".join(series) if len(series) <= 3 else f"{len(series)} series"


def _shift_named(shift: Shift) -> str:
    return f"{shift.name} shift of {shift.date:%Y-%m-%d}"


def panel_name(panel: Panel) -> str:
    """The name above a panel."""
    return f"{panel.others} others" if panel.name is None else panel.name


def abbreviated(number: float) -> str:
    """The number with k, M or G, as on the axis, where that is exact."""
    for unit, sign in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if unit <= number < 1000 * unit and f"{number / unit:.4g}" == f"{number / unit:.15g}":
            return f"{number / unit:.4g}{sign}"
    return f"{number:.15g}"


def below(threshold: Threshold, labels: tuple[str, str]) -> str:
    """What facts are called that are marked."""
    plan, fact = labels
    if not threshold.size:
        return f"{fact} below {plan}"
    return f"below {plan} by over {threshold if threshold.is_share else abbreviated(threshold.size)}"


def empty_panel_text(picture: Picture, panel: Panel) -> str:
    """The text in a panel that has no bars."""
    readings = sum(bucket.readings for bucket in panel.buckets)
    if readings:
        return f"{readings} reading{'s' * (readings > 1)}, none with plan or fact"
    if not picture.period.kept:
        return "Nothing of this period is within these hours"
    return "No readings in this period" if panel.name is None else "No readings"


def summary(picture: Picture) -> str:
    """A description of the picture for people who can't see it."""
    readings = len({bucket.bucket for panel in picture.panels for bucket in panel.buckets})
    steps = len(picture.period.kept)
    over = f" in {len(picture.panels)} panels" if picture.split else ""
    return f"{subtitle(picture)}. Bars of plan and fact{over}; {readings} of {steps} steps have readings."


def _offsets(period: Period) -> str:
    """`UTC+01:00`, or every offset in turn where the clock changes within the period."""
    zone = ZoneInfo(period.zone)
    moments = [edge.astimezone(zone) for edge in period.edges]
    found = [_offset(moments[0])] + [_offset(b) for a, b in pairwise(moments) if a.utcoffset() != b.utcoffset()]
    return " and ".join(dict.fromkeys(found))


def _offset(moment: datetime) -> str:
    text = f"{moment:%z}"
    return f"UTC{text[:3]}:{text[3:5]}"
