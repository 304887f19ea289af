"""Arabic letters in a picture. The drawing library takes a letter that its own font lacks from another font, but only
if that has all the letters of the text, and then perhaps from its italics. So it is told which font has them."""

import re

FAMILY = "Rubik"
"""A font with Arabic, Hebrew, Cyrillic and Latin letters."""
_LETTER = re.compile("[\u0600-\u06ff\u0750-\u077f\u08a0-\u08ff\ufb50-\ufdff\ufe70-\ufefc]")
_TEXT = re.compile(r"<text\b[^>]*>.*?</text>", re.DOTALL)


def with_arabic_font(svg: str) -> str:
    """The drawing, in which that font is named first for each text with Arabic letters."""
    if not _LETTER.search(svg):
        return svg
    return _TEXT.sub(lambda text: _named(text[0]) if _LETTER.search(text[0]) else text[0], svg)


def _named(text: str) -> str:
    return text.replace('font-family="', f'font-family="{FAMILY}, ')
