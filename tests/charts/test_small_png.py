"""PNGs are small, and look as they were drawn."""

import io
from collections import Counter

import pytest
import vl_convert
from PIL import Image, ImageChops

from service.charts.drawing.draw import draw
from service.charts.drawing.picture import Picture
from service.charts.drawing.small_png import small_png
from tests.pictures import picture


def opened(png: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(png))
    image.load()
    return image


@pytest.mark.parametrize(
    "shown", [picture(), picture(theme="dark"), picture(theme="print", names=("a", "b", "c")), picture("-10h", "1m")]
)
def test_areas_keep_their_colours_and_edges_all_but_theirs(shown: Picture) -> None:
    drawn = vl_convert.svg_to_png(draw(shown, "svg").decode())
    png = small_png(drawn)
    before, after = opened(drawn).convert("RGB"), opened(png).convert("RGB")
    assert opened(png).mode == "P"
    assert len(png) < len(drawn) / 2
    assert max(high for _, high in ImageChops.difference(before, after).getextrema()) < 8  # type: ignore[misc]
    pixels = before.tobytes(), after.tobytes()
    pairs = Counter(zip(*(zip(*[iter(each)] * 3, strict=True) for each in pixels), strict=True))
    areas = [colour for count, colour in before.getcolors(256) or [] if count > before.width * before.height / 200]
    assert len(areas) >= 3
    assert all(abs(a - b) <= 1 for then, now in pairs if then in areas for a, b in zip(then, now, strict=True))


def test_a_picture_of_many_colours_is_left_as_it_is() -> None:
    noise = Image.effect_noise((50, 50), 90)
    coloured = Image.merge("RGB", (noise, noise.rotate(90), noise.rotate(180)))
    out = io.BytesIO()
    coloured.save(out, "png")
    made = opened(small_png(out.getvalue()))
    assert (made.mode, made.tobytes()) == ("RGB", coloured.tobytes())
