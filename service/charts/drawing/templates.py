"""The templates in every theme, made of two that Altair builds. A worker builds these two for the service as well,
which so never imports Altair."""

import re
from functools import cache
from typing import Any

import msgspec

from service.charts.drawing.themes import LARGE_TEXT, TEXT, THEMES, config, palette

TEXTS, ZERO, TOTALS, CUTS, NOTES, NOW = 1, 2, 3, 4, 5, 6
"""The places of these layers in a template; the bars are the first layer."""
_built: dict[bool, bytes] = {}
"""What Altair has built: whether it is for several panels -> a specification as JSON."""


@cache
def template(theme: str, *, compact: bool, split: bool) -> bytes:
    """A specification as JSON: for a single panel or, if `split`, with a panel for each value of the field `panel`."""
    made: dict[str, Any] = msgspec.json.decode(_in_colours_of(theme, _of_altair(split)))
    made["config"] |= config(THEMES[theme], compact=compact)
    layers = (made["spec"] if split else made)["layer"]
    layers[TEXTS]["mark"]["fontSize"] = TEXT if compact else LARGE_TEXT
    if compact or split:
        layers[TOTALS]["layer"][-1]["mark"]["fontSize"] = TEXT
    return msgspec.json.encode(made)


def built_templates() -> bytes:
    """What Altair builds, for `take_over` in another process of the same version."""
    return msgspec.msgpack.encode({split: _of_altair(split) for split in (False, True)})


def take_over(built: bytes) -> None:
    """Have what another process has built."""
    _built.update(msgspec.msgpack.decode(built, type=dict[bool, bytes]))


def _of_altair(split: bool) -> bytes:
    if split not in _built:
        from service.charts.drawing.template import build

        _built[split] = build(split=split)
    return _built[split]


def _in_colours_of(theme: str, built: bytes) -> bytes:
    """The same JSON with the colours of a theme in place of those of the light one."""
    ours = {**msgspec.structs.asdict(THEMES[theme]), **palette(THEMES[theme])}
    light = {**msgspec.structs.asdict(THEMES["light"]), **palette(THEMES["light"])}
    other = {colour.encode(): ours[name].encode() for name, colour in light.items()}
    return re.sub(rb"#[0-9a-f]{6}", lambda found: other[found[0]], built)
