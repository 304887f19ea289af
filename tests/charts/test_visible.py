"""Every value can be seen, as pixels in pictures, as bars in drawings, and as marks."""

import io
import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import groupby, pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageChops

from service.charts.drawing.draw import draw
from service.charts.drawing.picture import Picture, default_height
from service.charts.drawing.spec import spec
from service.charts.drawing.themes import THEMES
from service.charts.drawing.value_axis import fitted_axis
from service.charts.legible import legible_period, visible
from service.live.view import WIDTHS
from service.period.bucket import Bucket, Numbers, Panel
from service.period.comparison import Threshold
from service.period.steps import STEPS, Period
from service.routes.chart.chart_parameters import MIN_WIDTH
from tests.examples import examples
from tests.pictures import NOW, boxes, fills, minutes, of, texts

LIGHT = THEMES["light"]
PLOT = 58
"""About how many pixels of a picture's width are outside of the plot."""
LENGTHS = {"1m": 1, "5m": 5, "15m": 15, "30m": 30, "1h": 60, "6h": 360, "1d": 1440, "1w": 10080, "1M": 43829}
SCALES = (1, 1.25, 1.5, 2, 3, 4)


def drawn(buckets: list[Bucket], period: Period, width: int, **looks: Any) -> Picture:
    return of(buckets, period, width=width, height=default_height(width, 1), **looks)


@lru_cache(maxsize=4)
def svg_of(picture: Picture) -> bytes:
    return draw(picture, "svg")


def plot(picture: Picture) -> tuple[float, float, float]:
    """The left end, the upper end and the height of the plot, in pixels of an unscaled picture."""
    svg = svg_of(picture).decode()
    found = re.search(r'translate\(([\d.]+),([\d.]+)\)"><g class="mark-group role-frame.*?M0,0h[\d.]+v([\d.]+)', svg)
    assert found
    return float(found[1]), float(found[2]), float(found[3])


def columns(picture: Picture, colour: str, scale: float = 1) -> list[int]:
    """The pixel columns of the plot in which this colour appears."""
    with Image.open(io.BytesIO(draw(picture, "png", scale))) as image:
        _, top, _ = plot(picture)
        shown = image.convert("RGB").crop((0, int(top * scale), image.width, image.height))
    other = ImageChops.difference(shown, Image.new("RGB", shown.size, colour)).convert("RGB")
    red, green, blue = (one.point([255] + [0] * 255) for one in other.split())
    same = ImageChops.multiply(ImageChops.multiply(red, green), blue)
    found, _ = same.getprojection()
    return [number for number, there in enumerate(found) if there]


def lacking(picture: Picture, kind: str, scale: float) -> int:
    """How many bars of this kind have no pixel of their colour at their place, give or take a pixel."""
    left, _, _ = plot(picture)
    found = set(columns(picture, getattr(LIGHT, kind), scale))
    places = [(scale * (left + x), scale * (left + x + wide)) for x, wide, _ in boxes(svg_of(picture), kind)]
    return sum(1 for a, b in places if not found & set(range(round(a - 1), round(b + 1) + 1)))


def runs(columns: list[int], apart: float = 1) -> int:
    """How many groups of columns are at least so many pixels apart."""
    return sum(1 for a, b in pairwise([-1000, *columns]) if b - a > apart)


def every(period: Period, number: int) -> list[Bucket]:
    """One bucket for every `number` steps, never two next to each other."""
    return [Bucket(at, 14_000, 7_700, 1) for at in period.edges[1:-1:number]]


def test_of_one_reading_a_month_every_month_is_there() -> None:
    """This is so for `/chart` at any width; by default the steps are weeks or months."""
    for width in (200, 390, 640, 960, 1200, 3000):
        period = legible_period("2006-01-01", "2008-01-01", None, "UTC", NOW, width)
        days = [datetime(2006 + month // 12, month % 12 + 1, 15, tzinfo=UTC) for month in range(24)]
        buckets = [Bucket(max(at for at in period.edges if at <= day), 14_000, 7_700, 1) for day in days]
        shown = drawn(buckets, period, width)
        for kind in ("plan", "fact"):
            assert len(boxes(svg_of(shown), kind)) == 24
            assert lacking(shown, kind, 1) == 0, width
            if width >= 480:
                assert runs(columns(shown, getattr(LIGHT, kind))) == 24, width


@pytest.mark.parametrize("step", [step for step in STEPS if step != "1y"])
@pytest.mark.parametrize("width", [MIN_WIDTH, 333, 960])
def test_sparse_bars_are_all_there_in_every_step_and_scale(step: str, width: int) -> None:
    """Also where a step is hardly a pixel wide, because such a step was asked for."""
    for steps, scale in ((97, 1.25), (300, 2), (min(740, width - PLOT), 1)):
        if scale**2 * width * default_height(width, 1) > 16e6 or steps > width - PLOT:
            continue
        period = legible_period(
            f"{NOW - steps * timedelta(minutes=LENGTHS[step]):%Y-%m-%d}", None, step, "UTC", NOW, width
        )
        steps = len(period.edges) - 1
        period = visible(period, width - PLOT)
        buckets = every(period, max(4, 10 * steps // width))
        shown = drawn(buckets, period, width)
        assert runs(columns(shown, LIGHT.fact, scale)) == len(buckets), (steps, scale)
        assert runs(columns(shown, LIGHT.plan, scale)) == len(buckets), (steps, scale)


@examples(0.1)
@given(
    width=st.integers(MIN_WIDTH, 1500),
    steps=st.integers(1, 740),
    scale=st.sampled_from(SCALES),
    group=st.integers(1, 40),
    gap=st.integers(1, 12),
)
def test_every_group_of_dense_bars_is_there(width: int, steps: int, scale: float, group: int, gap: int) -> None:
    """Groups of bars alternate with gaps."""
    width = min(width, int(3500 / scale))
    steps = min(steps, width - PLOT - 5)
    end = datetime(2026, 3, 1, tzinfo=UTC)
    start, until = (f"{moment:%Y-%m-%dT%H:%M:%SZ}" for moment in (end - minutes(steps), end))
    period = legible_period(start, until, "1m", "UTC", NOW, width)
    shown = [at for number, at in enumerate(period.edges[:-1]) if number % (group + gap) < group]
    made = drawn([Bucket(at, 90, 100, 1) for at in shown], period, width)
    for kind in ("plan", "fact"):
        assert len(boxes(svg_of(made), kind)) == len(shown)
        assert lacking(made, kind, scale) == 0
    pitch = scale * (width - PLOT) / steps
    within = 0.7 * pitch + 1  # the width of the other bar of a pair, and of the space between two pairs
    if gap * pitch - within > 3:
        assert runs(columns(made, LIGHT.fact, scale), within) == -(-steps // (group + gap))


@pytest.mark.parametrize("days", [200, 366, 600, 749])
def test_of_many_days_none_is_left_out(days: int) -> None:
    """Every day that is asked for has a pixel column of its own."""
    for width in (days + PLOT + 4, 960, 1200, 1920):
        until = f"{datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days=days):%Y-%m-%d}"
        period = legible_period("2024-01-01", until, "1d", "UTC", NOW, width)
        if len(period.edges) - 1 > width - PLOT:
            assert visible(period, width - PLOT).step == "1w"
            continue
        buckets = [Bucket(at, 100, 20 + 70 * (number % 2), 1) for number, at in enumerate(period.edges[:-1])]
        shown = drawn(buckets, period, width)
        _, top, high = plot(shown)
        middle = round(top + high / 2)
        with Image.open(io.BytesIO(draw(shown, "png"))) as image:
            row = image.convert("RGB").crop((0, middle, width, middle + 1))
        colours = [row.getpixel((x, 0)) for x in range(width)]
        tall = [colour == tuple(bytes.fromhex(LIGHT.fact[1:])) for colour in colours]
        assert sum(1 for there, _ in groupby(tall) if there) == days // 2


@examples(0.25)
@given(
    width=st.sampled_from([*WIDTHS, MIN_WIDTH, 960, 3000]),
    step=st.sampled_from(["1m", "1h", "1d", "1M"]),
    steps=st.integers(1, 749),
    plan=st.sampled_from([1e-9, 0.3, 100.0, -5.0]),
    fact=st.sampled_from([1e-9, 0.3, 100.0, -5.0]),
)
def test_what_a_browser_draws_is_a_pixel_wide_and_high(
    width: int, step: str, steps: int, plan: float, fact: float
) -> None:
    """SVG, HTML page and live page are drawn from the same specification."""
    start = max(NOW - steps * timedelta(minutes=LENGTHS[step]), datetime(1905, 1, 1, tzinfo=UTC))
    period = visible(legible_period(f"{start:%Y-%m-%dT%H:%MZ}", None, step, "UTC", NOW, width), width - PLOT)
    edges = period.edges
    buckets = [
        Bucket(edges[0], 5000, 5000, 1),
        *([Bucket(edges[len(edges) // 2], plan, fact, 1)] if len(edges) > 3 else []),
    ]
    svg = draw(drawn(buckets, period, width), "svg")
    for kind in ("plan", "fact"):
        found = boxes(svg, kind)
        assert len(found) == len(buckets)
        for _, wide, high in found:
            assert wide >= 0.9
            assert high >= 1.6  # nominally 2, but the height of the plot is only known to a few pixels


@pytest.mark.parametrize("width", [280, 960])
@pytest.mark.parametrize(("plan", "fact"), [(30, 20), (20, 30), (1, 1), (20_000, 1), (1, 20_000), (-1, -1)])
def test_neither_of_two_hides_the_other(width: int, plan: float, fact: float) -> None:
    """However small both are compared with others."""
    period = legible_period("-7d", None, "1h", "UTC", NOW, width)
    buckets = [Bucket(at, plan, fact, 1) for at in period.edges[:-1:9]]
    shown = drawn([*buckets, Bucket(period.edges[-2], 30_000, None, 1)], period, width)
    assert lacking(shown, "plan", 1) == 0
    assert lacking(shown, "fact", 1) == 0
    assert runs(columns(shown, LIGHT.fact)) == len(buckets)


def test_live_pictures_tell_bars_apart_by_where_they_begin() -> None:
    for width, height in WIDTHS.items():
        for start in ("-1h", "-6h", "-1d", "-7d"):
            period = legible_period(start, None, None, "UTC", NOW, width)
            buckets = [Bucket(at, 10, number % 3, 1) for number, at in enumerate(period.edges[:-1])]
            for threshold in (None, Threshold()):
                shown = of(buckets, period, width=width, height=height, threshold=threshold)
                bars = spec(shown)["datasets"]["bars"]
                assert len({bar["from"] for bar in bars}) == len(bars)


def test_a_zero_is_nothing_to_see() -> None:
    made = legible_period(None, None, "1m", "UTC", NOW, 960)
    svg = draw(drawn([Bucket(made.start, 10, 0, 1)], made, 960), "svg")
    assert [high for *_, high in boxes(svg, "fact")] == [0]


# --- marks


def kinds(picture: Picture) -> dict[str, list[str]]:
    """The kinds of bars by the time of their labels."""
    found: dict[str, list[str]] = {}
    for bar in spec(picture)["datasets"]["bars"]:
        found.setdefault(bar["label"].split(",")[0], []).append(bar["kind"])
    return found


STARTED = [(10, None), (10, 0), (10, 1e-6), (10, 5), (10, 9), (10, 10), (3, None), (None, 0), (-5, None), (0, None)]
MARKED = {
    "pairs": "missed|missed below|missed below|plan below|plan fact|plan fact|plan|fact|plan|plan",
    "lines": "missed plan|missed below plan|missed below plan|below plan|fact plan|fact plan|plan|fact|plan|",
}


@pytest.mark.parametrize(("width", "looks"), [(960, "pairs"), (400, "lines")])
def test_a_plan_that_is_due_and_has_next_to_no_fact_is_marked_itself(width: int, looks: str) -> None:
    period = legible_period(None, None, "1m", "UTC", NOW, width)
    buckets = [Bucket(period.edges[n], plan, fact, 1) for n, (plan, fact) in enumerate(STARTED)]
    buckets.append(Bucket(period.edges[20], 30, 30, 1))
    shown = drawn(buckets, period, width, threshold=Threshold(4))
    found = kinds(shown)
    shown_kinds = [" ".join(found.get(f"11:{number:02}", [])) for number in range(len(STARTED))]
    assert "|".join(shown_kinds) == MARKED[looks]
    assert "no fact, or hardly any" in texts(draw(shown, "svg"))
    assert not {"missed", "below"} & {kind for some in kinds(drawn(buckets, period, width)).values() for kind in some}


@pytest.mark.parametrize("fact", [None, 0.0, 3.0])
@pytest.mark.parametrize("width", [960, 400])
def test_what_is_not_due_is_never_missed(width: int, fact: float | None) -> None:
    """Not due are the running step, later steps, and all steps of a period in the future."""
    period = legible_period("-1h", "+1h", "1m", "UTC", NOW, width)
    buckets = [Bucket(at, 10, fact, 1) for at in period.edges[:-1]]
    found = kinds(drawn(buckets, period, width, threshold=Threshold(), unfinished=period.unfinished(NOW)))
    over, under_way, to_come = (found[at] for at in ("11:58", "11:59", "12:30"))
    assert {"missed", "below"} & set(over)
    assert not {"missed", "below"} & {*under_way, *to_come}
    later = legible_period("+1h", "+2h", "1m", "UTC", NOW, width)
    buckets = [Bucket(at, 10, fact, 1) for at in later.edges[:-1]]
    shown = drawn(buckets, later, width, threshold=Threshold(), unfinished=later.unfinished(NOW))
    assert not {"missed", "below"} & {kind for some in kinds(shown).values() for kind in some}


def test_the_mark_of_a_miss_is_seen_and_unlike_what_is_not_over_yet() -> None:
    period = legible_period(None, None, "1m", "UTC", NOW, 960)
    buckets = [Bucket(at, 10, 10 if number % 2 else None, 1) for number, at in enumerate(period.edges[:-1])]
    shown = drawn(buckets, period, 960, threshold=Threshold(), unfinished=period.edges[-2])
    assert runs(columns(shown, LIGHT.below), 6) == 30
    bars = re.findall(r'<path aria-label="([^"]+)"[^>]*>', draw(shown, "svg").decode())
    assert len(bars) == 60 + 30
    svg = draw(shown, "svg").decode()
    assert len(re.findall(rf'fill="{LIGHT.soft(LIGHT.below)}" stroke="{LIGHT.below}" stroke-width="1.5"/>', svg)) == 30
    assert len(re.findall(r'stroke-dasharray="3,2"/>', svg)) >= 2
    assert fills(draw(shown, "svg"), "plan")[-1] == LIGHT.soft(LIGHT.plan)


# --- pairs, or a line across bars


@pytest.mark.parametrize(
    ("start", "width", "pairs"),
    [("-1h", 960, True), ("-7d", 960, False), ("-24h", 1080, True), ("-12h", 1080, False), ("-1h", 360, False)],
)
def test_where_pairs_would_be_too_narrow_plan_is_a_line_across_bars_of_fact(
    start: str, width: int, pairs: bool
) -> None:
    period = legible_period(start, None, None, "UTC", NOW, width)
    svg = draw(drawn([Bucket(at, 100, 60, 1) for at in period.edges[:-1]], period, width), "svg")
    plan, fact = boxes(svg, "plan")[1:-1], boxes(svg, "fact")[1:-1]
    pitch = (width - PLOT) / (len(period.edges) - 1)
    assert min(wide for _, wide, _ in fact) > (3.5 if pairs else min(3.5, 0.7 * pitch))
    if pairs:
        assert min(high for *_, high in plan) > 100
    else:
        assert {round(high) for *_, high in plan} == {2}
        for (left, wide, _), (other, _, _) in pairwise(plan):
            assert left + wide >= other - 0.01  # the lines meet, and look like one


@pytest.mark.parametrize("start", ["-7d", "-14d", "-24h", "-18h", "today", "-30d", "-365d", "-3650d"])
@pytest.mark.parametrize("width", [*WIDTHS, 960, 1920])
def test_no_picture_is_a_pattern_of_pairs_of_a_pixel_or_two(start: str, width: int) -> None:
    period = legible_period(start, None, None, "UTC", NOW, width)
    pitch = (width - PLOT) / (len(period.edges) - 1)
    assert pitch > 3
    svg = draw(drawn([Bucket(at, 100, 60, 1) for at in period.edges[:-1]], period, width), "svg")
    assert min(wide for _, wide, _ in boxes(svg, "fact")) > 2.9


# --- the y axis


@examples(3)
@given(values=st.lists(st.floats(-1e308, 1e308, allow_subnormal=False), max_size=3), most=st.integers(3, 8))
def test_the_y_axis_ends_with_a_line_beyond_which_there_is_no_bar(values: list[float], most: int) -> None:
    heights = fitted_axis(values, most)
    low, high = min([0, *values]), max([0, *values])
    slack = 1e-9 * (high - low) if high - low < 1e300 else 0
    assert heights.low - slack <= low
    assert heights.high + slack >= high
    assert (heights.lines[0], heights.lines[-1]) == (heights.low, heights.high)
    assert heights.low < heights.high
    assert 2 <= len(heights.lines) <= most + 1
    assert list(heights.lines) == sorted(set(heights.lines))


@pytest.mark.parametrize("most", [41, 7, 8, 99, 100, 101, 1234, 0.7])
@pytest.mark.parametrize("names", [(None,), ("a", "b")])
def test_the_highest_line_has_a_number(most: float, names: tuple[str | None, ...]) -> None:
    period = legible_period(None, None, "1m", "UTC", NOW, 960)
    panels = tuple(Panel(name, None, (Bucket(period.start, most, most / 2, 1),)) for name in names)
    svg = draw(Picture(Numbers(panels, None), period, "x", "%H:%M", split=len(names) > 1), "svg").decode()
    for cell in re.findall(r'(?s)role-axis-grid.*?</g>.*?"mark-rect role-mark', svg):
        lines = [float(y) for y in re.findall(r'translate\(0,([\d.]+)\)" x2="\d+" y2="0" stroke="#e8ebf0"', cell)]
        assert min(lines) == 0
        assert max(lines) >= 100
