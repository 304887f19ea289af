"""Makes PNGs small: the drawing library hardly compresses its own, and gives each pixel four bytes."""

import io
from typing import cast

from PIL import Image

MOST_COLOURS = 256
"""The most that a palette has. A chart seldom has more than a hundred."""


def small_png(png: bytes) -> bytes:
    """The same picture in fewer bytes, without transparency, which a chart doesn't need."""
    out = io.BytesIO()
    with Image.open(io.BytesIO(png)) as image:
        opaque = image.convert("RGB")
        (_with_palette(opaque) or opaque).save(out, "png", compress_level=6)
    return out.getvalue()


def _with_palette(image: Image.Image) -> Image.Image | None:
    """The picture with a byte for each pixel; None where it has too many colours for that. Areas keep their colours. Of
    the shades at the edges of letters some become their neighbours, since Pillow looks colours up in steps of four."""
    found = image.getcolors(MOST_COLOURS)
    if found is None:
        return None
    colours = b"".join(bytes(cast("tuple[int, int, int]", colour)) for _, colour in sorted(found))
    palette = Image.new("P", (1, 1))
    palette.putpalette(colours)
    made = image.quantize(palette=palette, dither=Image.Dither.NONE)
    made.putpalette(_most_frequent(colours, palette))
    return made


def _most_frequent(colours: bytes, palette: Image.Image) -> bytes:
    """The palette, in which each entry is the most frequent of the colours that became this entry; `colours` has them
    in order, the most frequent last."""
    each = Image.frombytes("RGB", (len(colours) // 3, 1), colours)
    entries = bytearray(colours)
    for number, entry in enumerate(each.quantize(palette=palette, dither=Image.Dither.NONE).tobytes()):
        entries[3 * entry : 3 * entry + 3] = colours[3 * number : 3 * number + 3]
    return bytes(entries)
