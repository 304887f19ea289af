"""A picture as bytes. Drawing is bound by the processor and takes some hundredths to tenths of a second, so worker
processes do it."""

import html
import os
import re
from functools import cache
from pathlib import Path
from typing import assert_never

import fontpkg_rubik
import msgspec
import noto_cjk_sans_otc
import vl_convert

from service.charts.drawing.arabic import with_arabic_font
from service.charts.drawing.lettering import clean
from service.charts.drawing.order import DrawnFormat
from service.charts.drawing.picture import Picture
from service.charts.drawing.pixels import snapped
from service.charts.drawing.small_png import small_png
from service.charts.drawing.spec import spec
from service.charts.drawing.wording import summary

_NOTE = re.compile(r'(<path aria-label="([^"]*)" role="graphics-symbol" aria-roledescription="note"[^>]*?)/>')


def draw(picture: Picture, form: DrawnFormat, scale: float = 1) -> bytes:
    """The picture in a format."""
    _load_fonts()
    made = msgspec.json.encode(spec(picture)).decode()
    svg = _fit(vl_convert.vegalite_to_svg(made, allowed_base_urls=[]), picture)
    match form:
        case "svg":
            return _noted(_titled(svg, picture)).encode()
        case "png":
            return small_png(vl_convert.svg_to_png(with_arabic_font(snapped(svg, scale)), scale=scale))
        case "pdf":
            return vl_convert.svg_to_pdf(with_arabic_font(svg))
        case _:
            assert_never(form)


@cache
def _load_fonts() -> None:
    """Register fonts for Chinese, Japanese and Korean, and for Arabic: the drawing library itself has Latin, Greek,
    Cyrillic and Hebrew letters only.

    It is kept from the fonts of the system, which it would prefer to its own: it opens the file of such a font several
    times for each letter, which takes longer than all the rest of the drawing, and other systems have others.
    """
    os.putenv("FONTCONFIG_FILE", str(Path(__file__).with_name("fonts.conf")))  # read when the first font is needed
    vl_convert.register_font_directory(str(noto_cjk_sans_otc.FONT_PATH.parent))
    vl_convert.register_font_directory(str(fontpkg_rubik.ROOT / "files"))


def _fit(svg: str, picture: Picture) -> str:
    """The drawing in exactly the size that was asked for, which Vega-Lite keeps to only where there is one panel."""
    found = re.match(r'<svg [^>]*?width="([\d.]+)" height="([\d.]+)" viewBox="[^"]*"', svg)
    if found is None:
        raise ValueError("The drawing library's SVG has no size.")
    zoom = max(float(found[1]) / picture.width, float(found[2]) / picture.height)
    wide, high = zoom * picture.width, zoom * picture.height
    root = re.sub(
        r"width=.*", f'width="{picture.width}" height="{picture.height}" viewBox="0 0 {wide:g} {high:g}"', found[0]
    )
    rest = svg[found.end() :].replace(
        f'<rect width="{found[1]}" height="{found[2]}"', f'<rect width="{wide:g}" height="{high:g}"', 1
    )
    return root + rest


def _noted(svg: str) -> str:
    """The drawing with a title for each mark of notes, which browsers show under the pointer."""
    return _NOTE.sub(r"\1><title>\2</title></path>", svg)


def _titled(svg: str, picture: Picture) -> str:
    """The drawing with a name and a description for screen readers."""
    texts = (
        f'<title id="chart-title">{html.escape(clean(picture.title))}</title>'
        f'<desc id="chart-description">{html.escape(clean(summary(picture)))}</desc>'
    )
    root, _, rest = svg.partition(">")
    return f'{root} role="img" aria-labelledby="chart-title chart-description">{texts}{rest}'
