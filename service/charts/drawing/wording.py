"""The words in a chart: its title, subtitle, names and descriptions."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import reduce
from itertools import pairwise
from zoneinfo import ZoneInfo

from service.charts.drawing.axis_numbers import abbreviated
from service.charts.drawing.picture import LABELS, Picture
from service.languages.directions import isolated
from service.languages.language import ENGLISH, Language, language_named
from service.languages.sentence import translatable
from service.period.bucket import Panel, Running
from service.period.comparison import Threshold
from service.period.kept import kept_as
from service.period.shifts import Shift
from service.period.steps import Period

AGGREGATES = {
    "sum": "",
    "avg": translatable("average"),
    "min": translatable("smallest"),
    "max": translatable("largest"),
    "last": translatable("last"),
    "increase": translatable("increase"),
}
_STEPS = {
    "1m": (translatable("per minute"), translatable("%(unit)s per minute")),
    "5m": (translatable("per 5 minutes"), translatable("%(unit)s per 5 minutes")),
    "15m": (translatable("per 15 minutes"), translatable("%(unit)s per 15 minutes")),
    "30m": (translatable("per 30 minutes"), translatable("%(unit)s per 30 minutes")),
    "1h": (translatable("per hour"), translatable("%(unit)s per hour")),
    "6h": (translatable("per 6 hours"), translatable("%(unit)s per 6 hours")),
    "1d": (translatable("per day"), translatable("%(unit)s per day")),
    "1w": (translatable("per week"), translatable("%(unit)s per week")),
    "1M": (translatable("per month"), translatable("%(unit)s per month")),
    "1y": (translatable("per year"), translatable("%(unit)s per year")),
}
"""What a step is called, and with what is counted in it."""


def default_title(
    agg: str,
    series: Sequence[str] | None,
    shift: Shift | None = None,
    labels: tuple[str, str] = LABELS,
    code: str = ENGLISH,
) -> str:
    """The title of a picture where nobody gave one."""
    language, plan, fact = language_named(code), isolated(labels[0][:1].upper() + labels[0][1:]), isolated(labels[1])
    both = language.gettext("%(plan)s and %(fact)s", plan=plan, fact=fact)
    parts = (both, _aggregated(agg, language), _shift_named(shift, language) if shift else "")
    what = ", ".join(part for part in parts if part)
    return f"{what}: {_named(series, language)}" if series else what


def subtitle(picture: Picture) -> str:
    """The period, its zone and the offset from UTC, the step, and what the title leaves unsaid."""
    period, language = picture.period, language_named(picture.language)
    zone, times = ZoneInfo(period.zone), language.times
    is_one_day = period.start.astimezone(zone).date() == period.end.astimezone(zone).date()
    start, write = times.minute(period.start, zone), times.clock if is_one_day else times.minute
    ends = language.gettext("%(first)s to %(last)s", first=start, last=write(period.end, zone))
    when = f"{ends}, {period.zone} ({_offsets(period, language)}), {_counted(picture, language)}"
    return "; ".join([*_lacking(picture, language), when, *_unsaid(picture, language)])


def _lacking(picture: Picture, language: Language) -> Iterator[str]:
    """The sites of which nothing is known, before everything else, since all numbers lack them."""
    if away := picture.numbers.away:
        yield language.gettext("without %(sites)s, which can't be reached", sites=", ".join(map(isolated, away)))


def _counted(picture: Picture, language: Language) -> str:
    """What is counted in a step and, where another one was asked for, why it isn't that."""
    alone, counted = _STEPS[picture.period.step]
    said = language.gettext(counted, unit=isolated(picture.unit)) if picture.unit else language.gettext(alone)
    if not picture.asked_step:
        return said
    text = language.gettext("steps of %(asked)s are too narrow to be seen", asked=picture.asked_step)
    return f"{said} ({text})"


def ahead_text(ahead: float, unit: str = "", code: str = ENGLISH) -> str:
    """By how much the facts are ahead of what is due, or behind it."""
    language = language_named(code)
    if not ahead:
        return language.gettext("on plan")
    size = language.numbers.localised(f"{abs(ahead):.6g}")
    if abs(ahead) >= 1e6:
        size = abbreviated(float(f"{abs(ahead):.4g}"), language)
    amount = f"{size} {isolated(unit)}" if unit else size
    if ahead > 0:
        return language.gettext("%(amount)s ahead", amount=amount)
    return language.gettext("%(amount)s behind", amount=amount)


def _unsaid(picture: Picture, language: Language) -> Iterator[str]:
    if picture.period.open:
        yield picture.period.open.in_words(language)
    if picture.split and len(picture.panels) > 1:
        yield language.gettext("each panel has its own scale")
    if picture.earlier:
        plan, fact = map(isolated, picture.labels)
        before = picture.earlier.in_words(language)
        yield language.gettext("%(plan)s: %(fact)s of %(time)s before", plan=plan, fact=fact, time=before)
    if picture.running:
        yield _totals_of(picture.running, language)
    if picture.numbers.notes:
        yield language.gettext("triangles: notes")
    yield from _kept(picture, language)
    if picture.title_given and picture.shift:
        yield _shift_named(picture.shift, language)
    if picture.title_given and AGGREGATES[picture.agg]:
        yield _aggregated(picture.agg, language)
    if picture.title_given and picture.series and not picture.split:
        yield _named(picture.series, language)


def _kept(picture: Picture, language: Language) -> Iterator[str]:
    """What isn't kept any more."""
    zone, since, coarser = ZoneInfo(picture.period.zone), picture.numbers.since, picture.coarser
    if since and not (coarser and coarser.before >= since):
        yield kept_as("minute", language, language.times.minute(since, zone))
    if coarser:
        yield kept_as(coarser.rollup, language, language.times.minute(coarser.before, zone))


def _totals_of(running: Running, language: Language) -> str:
    match running.each:
        case "day":
            return language.gettext("lines: totals of each day")
        case "shift":
            return language.gettext("lines: totals of each shift")
        case _:
            return language.gettext("lines: totals so far")


def _aggregated(agg: str, language: Language) -> str:
    return language.gettext(AGGREGATES[agg]) if AGGREGATES[agg] else ""


def _named(series: Sequence[str], language: Language) -> str:
    if len(series) <= 3:
        return ", ".join(map(isolated, series))
    return language.ngettext("%(num)s series", "%(num)s series", len(series))


def _shift_named(shift: Shift, language: Language) -> str:
    day = language.times.calendar_day(shift.date)
    return language.gettext("%(name)s shift of %(date)s", name=isolated(shift.name), date=day)


def panel_name(panel: Panel, language: Language) -> str:
    """The name above a panel."""
    if panel.name is None:
        return language.ngettext("%(num)s other", "%(num)s others", panel.others or 0)
    return panel.name


def below(threshold: Threshold, labels: tuple[str, str], language: Language) -> str:
    """What facts are called that are marked."""
    plan, fact = map(isolated, labels)
    if not threshold.size:
        return language.gettext("%(fact)s below %(plan)s", plan=plan, fact=fact)
    share = language.numbers.localised(f"{threshold.size:.15g}") + language.pgettext("after a number", "%")
    size = share if threshold.is_share else abbreviated(threshold.size, language)
    return language.gettext("below %(plan)s by over %(size)s", plan=plan, size=size)


def empty_panel_text(picture: Picture, panel: Panel) -> str:
    """The text in a panel that has no bars."""
    language = language_named(picture.language)
    readings = sum(bucket.readings for bucket in panel.buckets)
    if readings:
        return language.ngettext(
            "%(num)s reading, none with plan or fact", "%(num)s readings, none with plan or fact", readings
        )
    if not picture.period.kept:
        return language.gettext("Nothing of this period is within these hours")
    if panel.name is None:
        return language.gettext("No readings in this period")
    return language.gettext("No readings")


def summary(picture: Picture) -> str:
    """A description of the picture for people who can't see it."""
    language = language_named(picture.language)
    readings = len({bucket.bucket for panel in picture.panels for bucket in panel.buckets})
    bars = language.gettext("Bars of plan and fact")
    if picture.split:
        panels = len(picture.panels)
        bars = language.ngettext(
            "Bars of plan and fact in %(num)s panel", "Bars of plan and fact in %(num)s panels", panels
        )
    steps = language.gettext(
        "%(readings)s of %(steps)s steps have readings", readings=readings, steps=len(picture.period.kept)
    )
    return f"{subtitle(picture)}. {bars}; {steps}."


def _offsets(period: Period, language: Language) -> str:
    """`UTC+01:00`, or every offset in turn where the clock changes within the period."""
    zone = ZoneInfo(period.zone)
    moments = [edge.astimezone(zone) for edge in period.edges]
    found = [_offset(moments[0])] + [_offset(b) for a, b in pairwise(moments) if a.utcoffset() != b.utcoffset()]
    return reduce(
        lambda one, other: language.gettext("%(first)s and %(last)s", first=one, last=other), dict.fromkeys(found)
    )


def _offset(moment: datetime) -> str:
    text = f"{moment:%z}"
    return f"UTC{text[:3]}:{text[3:5]}"
