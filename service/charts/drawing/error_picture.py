"""An error as a picture, for an `<img>`, which shows nothing else. It needs no worker, so it can always be drawn."""

import html
import io
from functools import cache

import noto_cjk_sans_otc
from PIL import Image, ImageChops, ImageDraw, ImageFont

from service.charts.drawing.lettering import wrapped
from service.charts.drawing.themes import FONT, THEMES, Theme

TITLE_SIZE, TEXT_SIZE = 17, 13
_MARGIN = 20


def error_svg(title: str, detail: str, width: int, height: int, theme: str) -> bytes:
    """The error as an SVG. Its texts are escaped."""
    colours = THEMES[theme]
    lines = "".join(_text(y, size, text, colours) for y, size, text in _lines(title, detail, width, height))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'font-family="{FONT}" role="img" aria-label="{html.escape(title)}">'
        f'<rect width="100%" height="100%" fill="{colours.background}"/>'
        f'<rect width="4" height="100%" fill="{colours.below}"/>{lines}</svg>'
    ).encode()


def error_png(title: str, detail: str, width: int, height: int, theme: str, scale: float = 1) -> bytes:
    """The same for clients that take nothing but PNG. In the palette, the shades of the title come first, 0 to 127, and
    those of the text follow."""
    colours = THEMES[theme]
    pixels, lines = (round(width * scale), round(height * scale)), _lines(title, detail, width, height)
    written = pixels[0], min(pixels[1], round((lines[-1][0] + TITLE_SIZE if lines else 0) * scale))
    masks = {TITLE_SIZE: Image.new("L", written), TEXT_SIZE: Image.new("L", written)}
    for y, size, text in lines:
        at, font = (_MARGIN * scale, y * scale), _font(round(size * scale))
        ImageDraw.Draw(masks[size]).text(at, text, fill=255, font=font, anchor="ls")
    texts = ImageChops.lighter(
        masks[TITLE_SIZE].point([shade // 2 for shade in range(256)]),
        masks[TEXT_SIZE].point([shade and 128 + shade // 2 for shade in range(256)]),
    )
    image = Image.new("L", pixels)
    image.paste(texts)
    image.paste(127, (0, 0, round(4 * scale), pixels[1]))
    image.putpalette(_shades(colours.background, colours.below) + _shades(colours.background, colours.ink))
    out = io.BytesIO()
    image.save(out, "png", compress_level=1)
    return out.getvalue()


def _shades(first: str, last: str) -> bytes:
    """A palette of 128 colours from one to the other."""
    ends = list(zip(bytes.fromhex(first[1:]), bytes.fromhex(last[1:]), strict=True))
    return bytes(round(a + (b - a) * shade / 127) for shade in range(128) for a, b in ends)


def _text(y: int, size: int, text: str, colours: Theme) -> str:
    colour, weight = (colours.below, 600) if size == TITLE_SIZE else (colours.ink, 400)
    style = f'font-size="{size}" font-weight="{weight}" fill="{colour}"'
    return f'<text x="{_MARGIN}" y="{y}" {style}>{html.escape(text)}</text>'


def _lines(title: str, detail: str, width: int, height: int) -> list[tuple[int, int, str]]:
    """The baseline, the size and the text of each line, for as many lines as there is room for."""
    room = width - 2 * _MARGIN
    found = [(TITLE_SIZE, line) for line in wrapped(title, room, TITLE_SIZE, 2)]
    found += [(TEXT_SIZE, line) for line in wrapped(detail, room, TEXT_SIZE, 12)]
    placed, y = [], 12
    for size, line in found:
        y += size + 8
        if y < height - 4:
            placed.append((y, size, line))
    return placed


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(noto_cjk_sans_otc.FONT_PATH), size)
