"""A chart as one HTML page that loads nothing: it draws itself, and shows the values of the bar under the pointer."""

import base64
import hashlib
import html

import msgspec

from service.charts.drawing.lettering import clean
from service.charts.drawing.picture import Picture
from service.charts.drawing.spec import spec
from service.charts.drawing.themes import THEMES
from service.charts.drawing.wording import summary


def chart_page(picture: Picture, library: str) -> bytes:
    """The page, given the drawing library as JavaScript.

    Its content security policy allows its two scripts and nothing else, so Vega has to interpret its expressions
    (`ast`) rather than evaluate them.
    """
    made = msgspec.json.encode(spec(picture)).decode()
    data = made.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    start = f'vegaEmbed("#chart", {data}, {{ast: true, actions: false, renderer: "svg"}});'
    library = library.replace("</script", "<\\/script")
    theme, title = THEMES[picture.theme], html.escape(clean(picture.title))
    described = html.escape(clean(summary(picture)))
    text = f"""<!doctype html>
<html lang="{picture.language}">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="{_content_security_policy(library, start)}">
<title>{title}</title>
<meta name="description" content="{described}">
<style>
body {{ margin: 0; background: {theme.background}; color: {theme.ink}; font-family: sans-serif }}
#chart, #chart svg {{ max-width: 100%; height: auto }}
</style>
<div id="chart" role="img" aria-label="{title}. {described}"></div>
<script>{library}</script>
<script>{start}</script>
</html>
"""
    return text.encode()


def _content_security_policy(*scripts: str) -> str:
    """A content security policy that allows these inline scripts."""
    hashes = " ".join(f"'sha256-{_digest(script)}'" for script in scripts)
    return f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data:"


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
