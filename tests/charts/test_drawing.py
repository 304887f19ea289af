"""Drawings: the positions and colours of their parts, and the texts."""

import io
import re
import time
from datetime import timedelta
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from PIL import Image, ImageChops

from service.charts.drawing.chart_page import chart_page
from service.charts.drawing.draw import draw
from service.charts.drawing.lettering import width_of, wrapped
from service.charts.drawing.picture import Picture
from service.charts.drawing.spec import spec
from service.charts.drawing.themes import THEMES
from service.charts.legible import legible_period
from service.period.bucket import Bucket, Numbers, Panel
from service.period.comparison import Threshold
from tests.pictures import NOW, SVG, bars, boxes, fills, minutes, nothing, of, picture, texts

LIGHT = THEMES["light"]


def test_plan_stands_left_of_fact_and_heights_are_values() -> None:
    svg = draw(picture(), "svg")
    plan, fact = boxes(svg, "plan"), boxes(svg, "fact")
    assert len(plan) == len(fact) == 50
    for (left, width, height), (right, _, other) in zip(plan, fact, strict=True):
        assert left + width == pytest.approx(right)
        assert height > other
    scale = plan[0][2] / 100
    assert [height / scale for _, _, height in plan] == pytest.approx(
        [100 + minute for minute in [*range(20), *range(30, 60)]]
    )


def test_a_gap_stays_a_gap() -> None:
    left = [left for left, _, _ in boxes(draw(picture(), "svg"), "plan")]
    minute = left[1] - left[0]
    assert left[20] - left[19] == pytest.approx(11 * minute, rel=0.01)


def test_values_below_zero_hang_from_it() -> None:
    made = picture(step="1m")
    svg = draw(of([Bucket(made.period.start, -5, 5, 1)], made.period), "svg")
    assert bars(svg) == {"11:00": {"plan": -5, "fact": 5}}
    assert boxes(svg, "plan")[0][2] == pytest.approx(boxes(svg, "fact")[0][2], rel=0.01)


@pytest.mark.parametrize("most", [1, 99, 100, 101, 155, 210, 4900, 0.021])
@pytest.mark.parametrize(("width", "height"), [(960, 480), (320, 150), (960, 200)])
def test_bars_use_the_height_there_is(most: float, width: int, height: int) -> None:
    """Bars use the height between the lowest and the highest line, or go beyond these lines."""
    made = picture(step="1m")
    shown = of([Bucket(made.period.start, most / 2, most, 1)], made.period, width=width, height=height)
    legend, axis = 21, 22
    title = 34 if width == 320 else 44
    padding = 20 if width == 320 else 32
    assert boxes(draw(shown, "svg"), "fact")[0][2] > 0.85 * (height - padding - title - legend - axis) - 5


def lines_at_zero(svg: bytes) -> int:
    paths = ElementTree.fromstring(svg).iter(f"{SVG}line")
    return sum(1 for line in paths if line.get("stroke") == LIGHT.ink)


def test_a_line_at_zero_is_drawn_where_bars_hang_from_it() -> None:
    made = picture(step="1m")
    assert lines_at_zero(draw(of([Bucket(made.period.start, -5, 5, 1)], made.period), "svg")) == 1
    assert lines_at_zero(draw(of([Bucket(made.period.start, 0, 5, 1)], made.period), "svg")) == 0
    both = (Panel("a", None, (Bucket(made.period.start, -5, 5, 1),)), Panel("b", None, ()))
    assert lines_at_zero(draw(Picture(Numbers(both, None), made.period, "x", "%H", split=True), "svg")) == 2


def test_zero_stands_at_the_bottom_where_there_is_nothing_else() -> None:
    made = picture(step="1m")
    svg = draw(of([Bucket(made.period.start, 0, 0, 1)], made.period), "svg")
    assert {"0", "1"} <= set(texts(svg))
    assert "No readings in this period" not in texts(svg)
    panels = (
        Panel("a", None, (Bucket(made.period.start, 0, 0, 1),)),
        Panel("b", None, (Bucket(made.period.start, 500, 400, 1),)),
    )
    split = texts(draw(Picture(Numbers(panels, None), made.period, "x", "%H", split=True), "svg"))
    assert split.count("0") == 2
    assert {"1", "500"} <= set(split)


def test_labels_title_zone_and_legend_are_there() -> None:
    shown = texts(draw(picture(zone="Asia/Kolkata"), "svg"))
    assert "2026-11-22 16:40" in shown
    assert "Plan and fact" in shown
    assert "2026-11-22 16:30 to 17:30, Asia/Kolkata (UTC+05:30), per minute" in shown
    assert {"plan", "fact"} <= set(shown)
    assert "not over yet" not in shown


def test_below_a_title_of_ones_own_stands_what_was_added_up() -> None:
    period = "2026-11-22 11:00 to 12:00, UTC (UTC+00:00), per minute"
    own = texts(draw(picture(title="L", title_given=True, agg="last", series=("a", "b")), "svg"))
    assert f"{period}; last; a, b" in own
    assert f"{period}; 4 series" in texts(draw(picture(title="L", title_given=True, series=tuple("abcd")), "svg"))
    assert period in texts(draw(picture(title="L", title_given=True), "svg"))
    assert period in texts(draw(picture(agg="last", series=("a", "b")), "svg"))


def test_both_offsets_are_named_where_the_clock_changes() -> None:
    period = legible_period("2026-10-24", "2026-10-26", "1h", "Europe/Berlin", NOW, 960)
    svg = draw(of([], period), "svg")
    assert any("(UTC+02:00 and UTC+01:00), per hour" in text for text in texts(svg))


def test_no_readings_is_said() -> None:
    svg = draw(nothing(), "svg")
    assert "No readings in this period" in texts(svg)
    assert not bars(svg)
    assert "plan" not in texts(svg)
    assert "2026-11-22 11:10" in texts(svg)


@pytest.mark.parametrize("start", ["-1m", "-1h", "-1d", "-30d", "-365d", "-3650d"])
@pytest.mark.parametrize(("width", "height"), [(960, 480), (320, 240), (1600, 400)])
def test_nothing_is_cut_off_and_labels_do_not_collide(start: str, width: int, height: int) -> None:
    step = "1d" if start == "-3650d" else None
    svg = draw(picture(start, step, width=width, height=height), "svg")
    root = ElementTree.fromstring(svg)
    assert (root.get("width"), root.get("height")) == (str(width), str(height))
    labels = [text for text in texts(svg) if re.fullmatch(r"\d{4}-\d\d-\d\d( \d\d:\d\d)?", text)]
    assert 1 <= len(labels) <= width / 75
    assert len(set(labels)) == len(labels)


DAY = "2026-10-24T00:00", "2026-10-24T12:30"


def x_labels(svg: bytes) -> list[tuple[float, float, str]]:
    """The left and right end and the text of each label of the time axis; labels are centred below their ticks."""
    found = []
    for group in ElementTree.fromstring(svg).iter(f"{SVG}g"):
        if "role-axis-label" in group.get("class", ""):
            texts = [text for text in group.iter(f"{SVG}text") if text.get("text-anchor") == "middle"]
            for text in texts:
                middle = float(re.findall(r"-?[\d.]+", text.get("transform", ""))[0])
                said = "".join(text.itertext())
                half = width_of(said, float(text.get("font-size", "0px").removesuffix("px"))) / 2
                found.append((middle - half, middle + half, said))
    return sorted(found)


@pytest.mark.parametrize("width", [200, 320, 480, 960, 1600])
@pytest.mark.parametrize("time_format", ["%Y-%m-%d %H:%M", "%H:%M", "%H", "%d. %B %Y, %H:%M Uhr"])
@pytest.mark.parametrize(("period", "step"), [(DAY, "1m"), (DAY, "15m"), (("2026-10-18", "2026-10-24T12:30"), "1h")])
def test_labels_of_the_time_axis_keep_apart(width: int, time_format: str, period: tuple[str, str], step: str) -> None:
    made = legible_period(*period, step, "Europe/Berlin", NOW, width)
    shown = x_labels(draw(of([], made, time_format=time_format, width=width, height=200), "svg"))
    assert shown
    for (_, right, one), (left, _, other) in pairwise(shown):
        assert right + 5 < left
        assert one != other


def test_a_label_stands_below_its_tick() -> None:
    svg = draw(picture(time_format="%Y-%m-%d %H:%M"), "svg")
    left, right, said = x_labels(svg)[0]
    bar, width, _ = boxes(svg, "plan")[0]
    assert said == "2026-11-22 11:00"
    assert (left + right) / 2 == pytest.approx(bar + width, abs=1)


def test_labels_that_would_say_the_same_are_left_out() -> None:
    made = legible_period("2026-10-24T02:20", "2026-10-24T05:10", "1m", "UTC", NOW, 960)
    assert [said for *_, said in x_labels(draw(of([], made, time_format="%H"), "svg"))] == ["03", "04", "05"]


def test_labels_keep_to_the_format() -> None:
    assert "11.10 Uhr" in texts(draw(picture(time_format="%H.%M Uhr"), "svg"))


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.004, "0.004"), (0.5, "0.5"), (900, "800"), (12_500, "12.5k"), (3e6, "3M"), (2e17, "2e+17")],
)
def test_large_numbers_are_in_thousands_and_small_ones_are_not_in_thousandths(value: float, shown: str) -> None:
    made = picture(step="1m")
    svg = draw(of([Bucket(made.period.start, value, value, 1)], made.period), "svg")
    assert shown in [text.replace("\N{MINUS SIGN}", "-") for text in texts(svg)]


@pytest.mark.parametrize(
    ("threshold", "shown"),
    [(10_000, "10k"), (1500, "1.5k"), (12_345, "12345"), (2e6, "2M"), (999, "999"), (0.5, "0.5")],
)
def test_a_threshold_is_said_in_thousands_where_that_is_exact(threshold: float, shown: str) -> None:
    assert f"below plan by over {shown}" in texts(draw(picture(threshold=Threshold(threshold)), "svg"))


@pytest.mark.parametrize(
    "title", ["<script>&\"'", "]]>", "</svg><script>", "\x01\x0b\x1f\ufffe x", "a\nb", r"C:\press \1\b", r"\g<0>"]
)
def test_text_is_escaped(title: str) -> None:
    svg = draw(picture(title=title, names=(title, "b")), "svg")
    assert not list(ElementTree.fromstring(svg).iter(f"{SVG}script"))
    if title.isprintable():
        assert texts(svg).count(title) == 2  # as the title of the chart, and as that of its panel


def test_what_cannot_be_in_xml_is_left_out_of_the_description() -> None:
    shown = picture(title="T", title_given=True, series=("\x01",))
    assert b"\x01" not in draw(shown, "svg")
    assert b"\x01" not in chart_page(shown, "draw();")


def test_a_name_of_spaces_is_no_name_to_draw() -> None:
    assert texts(draw(picture(names=(" ", "b")), "svg")).count("b") == 1


def test_a_screen_reader_has_a_title_and_a_description_and_hears_of_no_scales() -> None:
    root = ElementTree.fromstring(draw(picture(title="Line <3>"), "svg"))
    title, description = (root.findtext(f"{SVG}{name}") or "" for name in ("title", "desc"))
    assert title == "Line <3>"
    assert "2026-11-22 11:00 to 12:00, UTC (UTC+00:00), per minute" in description
    assert "50 of 60 steps have readings" in description
    assert root.get("aria-labelledby") == "chart-title chart-description"
    assert root.get("role") == "img"
    said = [one.get("aria-label", "") for one in root.iter() if one.get("aria-roledescription") != "bar"]
    assert not any("axis" in text or "scale" in text or "legend" in text for text in said)


def test_a_long_title_is_broken_and_cut() -> None:
    shown = texts(draw(picture(title="Assembly line three " * 20, width=320, height=240), "svg"))
    lines = [text for text in shown if "Assembly" in text]
    assert len(lines) >= 1
    svg = draw(picture(title="Assembly line three " * 20, width=320, height=240), "svg").decode()
    assert svg.count("<tspan") >= 1
    assert "…" in svg


def test_the_clock_going_back_draws_both_hours() -> None:
    period = legible_period("2026-10-25T00:00", "2026-10-25T06:00", "1h", "Europe/Berlin", NOW, 960)
    svg = draw(of([Bucket(at, 1, 1, 1) for at in period.edges[:-1]], period), "svg")
    left = [left for left, _, _ in boxes(svg, "plan")]
    assert len(left) == 7
    assert {round(b - a) for a, b in pairwise(left)} <= {round(left[1] - left[0]) + off for off in (-1, 0, 1)}


def test_a_step_that_is_not_over_is_lighter_and_said() -> None:
    made = picture()
    svg = draw(picture(unfinished=made.period.edges[-2]), "svg")
    assert fills(svg, "fact") == [LIGHT.fact] * 49 + [LIGHT.soft(LIGHT.fact)]
    assert fills(svg, "plan") == [LIGHT.plan] * 49 + [LIGHT.soft(LIGHT.plan)]
    assert "not over yet" in texts(svg)


def test_a_threshold_may_be_a_share_of_each_plan() -> None:
    made = picture(step="1m")
    numbers = [(100, 95), (100, 94.9), (1000, 950), (1000, 949), (0, -1), (0, 0)]
    buckets = [Bucket(made.period.start + minutes(n), plan, fact, 1) for n, (plan, fact) in enumerate(numbers)]
    svg = draw(of(buckets, made.period, threshold=Threshold(5, is_share=True), height=2000), "svg")
    marked = [colour == LIGHT.below for colour in fills(svg, "fact")]
    assert marked == [False, True, False, True, True, False]
    assert "below plan by over 5%" in texts(svg)


def test_what_differs_by_rounding_alone_is_met() -> None:
    assert not Threshold().is_missed(0.1 + 0.2, 0.3)
    assert Threshold().is_missed(0.31, 0.3)
    assert not Threshold().is_missed(0.3, 0.31)


def test_fact_below_plan_by_more_than_the_threshold_is_marked() -> None:
    made = picture(step="1m")
    facts = [100, 90, 89.9, None]
    buckets = [Bucket(made.period.start + minutes(number), 100, fact, 1) for number, fact in enumerate(facts)]
    svg = draw(of(buckets, made.period, threshold=Threshold(10)), "svg")
    assert fills(svg, "fact") == [LIGHT.fact, LIGHT.fact, LIGHT.below]
    assert "below plan by over 10" in texts(svg)
    assert LIGHT.below not in fills(draw(of(buckets, made.period), "svg"), "fact")


@pytest.mark.parametrize("count", [1, 2, 4, 5, 12])
def test_a_panel_for_each_series(count: int) -> None:
    names = tuple(f"line {number}" for number in range(count))
    svg = draw(picture(names=names, split=True, height=900), "svg")
    root = ElementTree.fromstring(svg)
    assert (root.get("width"), root.get("height")) == ("960", "900")
    assert set(names) <= set(texts(svg))
    assert len(boxes(svg, "plan")) == count * 50


def test_columns_of_panels_stand_in_line_and_say_that_their_scales_differ() -> None:
    made = picture(step="1m")
    panels = tuple(
        Panel(f"{most}", None, tuple(Bucket(at, most, most, 1) for at in made.period.edges[:-1]))
        for most in (7, 15_000, 80, 220, 0.3, 1_500)
    )
    shown = Picture(Numbers(panels, None), made.period, "x", "%H:%M", width=960, height=440, split=True)
    svg = draw(shown, "svg")
    assert any("; each panel has its own scale" in text for text in texts(svg))
    plots = re.findall(r'translate\(([\d.]+),([\d.]+)\)"><path class="background"[^>]*d="M0,0h\d{3}v', svg.decode())
    lefts, tops = ({float(at[index]) for at in plots} for index in (0, 1))
    names = {
        re.findall(r"[-\d.]+", x.get("transform", ""))[1]
        for x in ElementTree.fromstring(svg).iter(f"{SVG}text")
        if x.get("font-weight") == "600" and x.get("font-size") == "12px"
    }
    assert len(names) == 1
    assert len(plots) == 6
    assert (len(lefts), len(tops)) == (3, 2)
    assert not any("own scale" in text for text in texts(draw(picture(), "svg")))


def split(panels: tuple[Panel, ...], series: tuple[str, ...]) -> Picture:
    return Picture(Numbers(panels, None), picture(step="1m").period, "x", "%H:%M", split=True, series=series)


def names_in(svg: bytes, names: str) -> list[str]:
    return [text for text in texts(svg) if text and text in names]


def test_each_series_that_was_asked_for_has_a_panel() -> None:
    start = picture(step="1m").period.start
    found = tuple(Panel(name, None, (Bucket(start, 3, 2, 1),)) for name in "ab")
    svg = draw(split(found, ("c", "b", "d", "a", "b")), "svg")
    assert names_in(svg, "abcd") == ["c", "b", "d", "a"]
    assert texts(svg).count("No readings") == 2
    assert texts(svg).count("0") == 2  # an axis without readings has no other numbers
    assert names_in(draw(split((), ("a", "b")), "svg"), "ab") == ["a", "b"]


def test_there_are_twelve_panels_at_most_and_those_with_readings_first_of_all() -> None:
    start = picture(step="1m").period.start
    names = tuple(f"line {number}" for number in range(20))
    made = split((Panel("line 19", None, (Bucket(start, 3, 2, 1),)),), names)
    assert [panel.name for panel in made.panels] == [*names[:11], "line 19"]
    rest = (Panel("line 4", None, ()), Panel("line 3", None, ()), Panel(None, 9, ()))
    assert [panel.name for panel in split(rest, names).panels] == ["line 3", "line 4", None]


def test_readings_without_plan_and_fact_are_not_nothing() -> None:
    made = picture(step="1m")
    documents = [Bucket(made.period.start + minutes(number), None, None, 10) for number in range(2)]
    svg = draw(of(documents, made.period), "svg")
    assert "20 readings, none with plan or fact" in texts(svg)
    assert "plan" not in texts(svg)
    single = of([Bucket(made.period.start, None, None, 1)], made.period)
    assert "1 reading, none with plan or fact" in texts(draw(single, "svg"))
    assert "No readings" in texts(draw(split((Panel("a", None, tuple(documents)),), ("a", "b")), "svg"))


def test_a_png_is_small_and_has_the_colours_of_its_theme() -> None:
    for name, theme in THEMES.items():
        png = draw(picture(theme=name), "png")
        assert len(png) < 40_000
        with Image.open(io.BytesIO(png)) as image:
            assert image.size == (960, 480)
            colours = {colour: count for count, colour in image.convert("RGB").getcolors(1 << 20) or []}
        for wanted in (theme.background, theme.plan, theme.fact):
            assert colours.get(tuple(bytes.fromhex(wanted[1:])), 0) > 1000, name


def test_scale_makes_the_same_picture_larger() -> None:
    with (
        Image.open(io.BytesIO(draw(picture(), "png", 3))) as large,
        Image.open(io.BytesIO(draw(picture(), "png"))) as small,
    ):
        assert large.size == (2880, 1440)
        shrunk = large.convert("L").resize(small.size, Image.Resampling.BOX)
        difference = ImageChops.difference(shrunk, small.convert("L")).histogram()
    assert sum(difference[64:]) < 0.03 * 960 * 480  # only edges differ


def ink(title: str) -> bytes:
    """The pixels of a title. Characters that the fonts lack are all drawn as the same box."""
    with Image.open(io.BytesIO(draw(picture(title=title), "png"))) as image:
        return image.convert("L").crop((0, 0, 400, 36)).tobytes()


@pytest.mark.parametrize("text", ["Лінія «Ґ»", "生产线三号", "生産ライン", "생산 라인"])
def test_other_scripts_are_drawn(text: str) -> None:
    assert ink(text) != ink(text[0] * len(text))
    assert ink(text) != ink("\ue000" * len(text))


def test_fonts_of_the_system_are_left_alone() -> None:
    """A common font such as DejaVu has Georgian letters."""
    assert ink("\N{GEORGIAN LETTER AN}" * 5) == ink("\N{GEORGIAN LETTER BAN}" * 5)


def test_only_a_title_whose_width_is_guessed_has_a_limit() -> None:
    assert "limit" not in spec(picture(title=GERMAN))["config"]["title"]
    assert "limit" in spec(picture(title="\u0e01" * 9))["config"]["title"]


def test_a_pdf_is_a_pdf() -> None:
    assert draw(picture(), "pdf").startswith(b"%PDF-")


def test_a_page_carries_all_it_needs() -> None:
    text = chart_page(picture(title="</script><b>"), "draw();</script><b>").decode()
    around = re.sub(r"(?s)<script>.*?</script>", "", text)
    assert text.count("<b>") == 1
    assert "draw();<\\/script><b>" in text
    assert not re.search(r"src=|href=|url\(|https?:|<script", around)
    assert "default-src 'none'; script-src 'sha256-" in text
    assert "\\u003c/script>" in text


def test_the_template_is_not_spoilt_by_use() -> None:
    first = spec(picture())
    spec(picture(names=("a", "b")))
    spec(nothing())
    assert spec(picture()) == first


def test_bars_are_crisp_only_where_pixels_are() -> None:
    assert b"crispEdges" not in draw(picture(), "svg")


def test_a_day_of_25_hours_is_wider() -> None:
    period = legible_period("2026-10-24", "2026-10-27", "1d", "Europe/Berlin", NOW, 960)
    hours = [(b - a) / timedelta(hours=1) for a, b in pairwise(period.edges)]
    widths = [
        width
        for _, width, _ in boxes(draw(of([Bucket(at, 1, 1, 1) for at in period.edges[:-1]], period), "svg"), "plan")
    ]
    assert hours == [24, 25, 24]
    assert widths[1] / widths[0] == pytest.approx(25 / 24, rel=0.01)


def margins(png: bytes) -> tuple[int, int, int, int]:
    """The empty margins in pixels: left, top, right, bottom."""
    with Image.open(io.BytesIO(png)) as opened:
        image = opened.convert("RGB")
        box = ImageChops.difference(image, Image.new("RGB", image.size, image.getpixel((0, 0)))).getbbox()
        assert box
        return box[0], box[1], image.width - box[2], image.height - box[3]


WIDE = "ЦЕХ №3: ШЛИФОВКА, ШЛАМОВЫЕ ФИЛЬТРЫ И МАШИНЫ"
GERMAN = "GROSSRAUMPRÜFSTAND FÜR WÄLZLAGERGEHÄUSE, HALLE 4, MONTAGE UND GEWINDESCHNEIDEN, WERKZEUGMASCHINENBAU"


@pytest.mark.parametrize("width", [320, 480, 960])
@pytest.mark.parametrize(
    "title", [WIDE, GERMAN, "W" * 200, "Щ" * 40, "@" * 200, "生产线" * 66, "\u0e01" * 200, "i" * 200]
)
def test_no_title_is_wider_than_the_picture_or_makes_the_plot_smaller(title: str, width: int) -> None:
    shown = picture(title=title, width=width, height=300)
    assert min(margins(draw(shown, "png"))) >= 5
    plain = boxes(draw(picture(title="x", width=width, height=300), "svg"), "plan")
    assert boxes(draw(shown, "svg"), "plan")[0][1] == pytest.approx(plain[0][1])


@pytest.mark.parametrize("name", ["W" * 60, "Щ" * 60, WIDE])
@pytest.mark.parametrize(("width", "count"), [(320, 2), (960, 5)])
def test_no_name_is_wider_than_its_panel(name: str, width: int, count: int) -> None:
    names = tuple(f"{name} {number}" for number in range(count))
    svg = draw(picture(names=names, width=width, height=400), "svg")
    plain = draw(picture(names=tuple("abcde"[:count]), width=width, height=400), "svg")
    assert boxes(svg, "plan") == boxes(plain, "plan")
    assert min(margins(draw(picture(names=names, width=width, height=400), "png"))) >= 5


def test_widths_are_those_of_the_font() -> None:
    assert width_of("WW", 100) == pytest.approx(189, abs=3)
    assert width_of("ÄÖÜ", 100) == width_of("AOU", 100)
    assert width_of("生产", 100) == 200
    assert width_of("e\u0301", 100) == width_of("e", 100)


def test_a_very_long_text_costs_no_more_than_what_is_drawn_of_it() -> None:
    for text in ("word " * 20_000, "W" * 100_000, "i" * 100_000, "生" * 100_000, " " * 100_000 + "end"):
        started = time.process_time()
        lines = wrapped(text, 920, 13, 12)
        assert time.process_time() - started < 0.5
        assert len(lines) <= 12
        assert sum(len(line) for line in lines) < 12 * 920


def test_what_is_too_much_ends_in_an_ellipsis() -> None:
    assert wrapped("word " * 20_000, 920, 13, 12)[-1].endswith("…")
    assert wrapped("W" * 100_000, 100, 13, 1)[0].endswith("…")
    assert wrapped("no more than this", 920, 13, 1) == ["no more than this"]
    assert wrapped("", 920, 13, 1) == []
