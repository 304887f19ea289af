"""The themes of charts: a few colours for each, and the Vega-Lite configuration made of them.

The colour of plans is quiet, that of facts strong. The three colours that carry meaning differ in lightness as well as
in hue, so that they can be told apart by people who see no red or no green, and in black and white. Steps that aren't
over yet, and plans without a fact, are recognised by an outline rather than by a fourth colour.
"""

from typing import Any

import msgspec

FONT = "Liberation Sans, Arial, Helvetica, Noto Sans CJK SC, Rubik, sans-serif"
"""The first is part of the drawing library. Arial and Helvetica are as wide as it is; those of Noto have the characters
that they lack."""
SOFT = 0.2
"""The share of its colour that the inside of an outlined bar keeps."""
TEXT, LARGE_TEXT = 13, 16
"""The font sizes of texts in a plot."""
OUTLINED = ("plan~", "fact~", "missed")
UNFINISHED = ("plan~", "fact~")
"""Kinds of bars that are outlined with dashes."""
OUTLINE = 1.5
"""The width of an outline in pixels."""
DASHES = [3, 2]
"""The dashes and gaps, in pixels, of the outlines of steps that aren't over yet."""


class Theme(msgspec.Struct, frozen=True):
    """Colours as #rrggbb."""

    background: str
    ink: str
    muted: str
    rule: str
    grid: str
    plan: str
    fact: str
    below: str

    def soft(self, colour: str) -> str:
        """The colour mixed with that of the background."""
        pairs = zip(bytes.fromhex(colour[1:]), bytes.fromhex(self.background[1:]), strict=True)
        return "#" + bytes(round(SOFT * one + (1 - SOFT) * other) for one, other in pairs).hex()


THEMES = {
    "light": Theme(
        background="#ffffff",
        ink="#1d2733",
        muted="#5b6675",
        rule="#9aa4b2",
        grid="#e8ebf0",
        plan="#8595a6",
        fact="#123a78",
        below="#c0560b",
    ),
    "dark": Theme(
        background="#12171f",
        ink="#e6ebf2",
        muted="#9aa7b8",
        rule="#536072",
        grid="#242c38",
        plan="#5f6c7f",
        fact="#9ad0ff",
        below="#e07408",
    ),
    "print": Theme(
        background="#ffffff",
        ink="#000000",
        muted="#333333",
        rule="#666666",
        grid="#dddddd",
        plan="#929292",
        fact="#1a1a1a",
        below="#b04c00",
    ),
}


def palette(theme: Theme) -> dict[str, str]:
    """The colour of each kind of bar. Outlined bars are softer inside than their outline."""
    outlined = {kind: theme.soft(colour) for kind, colour in outlines(theme).items()}
    between = {"behind": theme.soft(theme.below), "ahead": theme.soft(theme.fact)}
    return {"plan": theme.plan, "fact": theme.fact, "below": theme.below, **outlined, **between}


def outlines(theme: Theme) -> dict[str, str]:
    """The colour of the outline of each kind that has one. A kind that ends in ~ belongs to a step that isn't over yet;
    `missed` is a plan that has no fact, or hardly any."""
    return {"plan~": theme.plan, "fact~": theme.fact, "missed": theme.below}


def config(theme: Theme, *, compact: bool) -> dict[str, Any]:
    """The Vega-Lite configuration."""
    label = 10 if compact else 11
    return {
        "background": theme.background,
        "font": FONT,
        "padding": 10 if compact else 16,
        "axis": {
            "aria": False,  # the picture's title and description say more than "X-axis for a linear scale"
            "labelColor": theme.ink,
            "labelFontSize": label,
            "labelPadding": 5,
            "gridColor": theme.grid,
            "domainColor": theme.rule,
            "tickColor": theme.rule,
        },
        "legend": {
            "aria": False,
            "labelColor": theme.ink,
            "labelFontSize": label + 1,
            "symbolSize": 110,
            "columnPadding": 14,
            "rowPadding": 2,
        },
        "title": {
            "color": theme.ink,
            "fontSize": 14 if compact else 17,
            "fontWeight": 600,
            "subtitleColor": theme.muted,
            "subtitleFontSize": label + (0 if compact else 1),
            "subtitlePadding": 4,
            "offset": 6 if compact else 8,
        },
        "header": {
            "labelColor": theme.ink,
            "labelFontSize": label + 1,
            "labelFontWeight": 600,
            "labelPadding": 4,
            "title": None,
        },
    }
