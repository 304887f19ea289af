"""Aligns the bars of a drawing with the pixels of a picture.

The edge of a bar that lies within a pixel is blurred. If bars are drawn without blur, one that is narrower than a pixel
and lies between the middles of two isn't drawn at all. So each bar is moved to the nearest pixels, and takes at least
one.
"""

import math
import re

_PART = re.compile(
    r'<g(?P<class> class="mark-rect role-mark)?(?P<rest>[^>]*)>|(?P<end></g>)'
    r'|(?P<before><path [^>]*? d=")M(?P<path>[-\d.e]+,[-\d.e]+h[-\d.e]+v[-\d.e]+)h[-\d.e]+Z(?P<after>"[^>]*>)'
)
_MOVED = re.compile(r'transform="translate\(([-\d.e]+),([-\d.e]+)\)"')
_STROKE = re.compile(r'stroke-width="([\d.]+)"')


def snapped(svg: str, scale: float) -> str:
    """The drawing, with its bars aligned for a picture of so many pixels per unit of its size."""
    box = re.search(r'width="([\d.]+)"[^>]*? viewBox="0 0 ([\d.]+)', svg)
    if box is None:
        raise ValueError("The drawing has no size.")
    unit = scale * float(box[1]) / float(box[2])
    return _Snapping(unit).apply(svg)


class _Snapping:
    """Keeps track of where the groups of a drawing lie, and so of where the bars in them do."""

    def __init__(self, unit: float) -> None:
        self._unit = unit
        self._groups: list[tuple[float, float, bool]] = [(0, 0, False)]

    def apply(self, svg: str) -> str:
        return _PART.sub(self._part, svg)

    def _part(self, found: re.Match[str]) -> str:
        if found["end"]:
            self._groups.pop()
            return found[0]
        if found["path"] is None:
            return self._open(found)
        return self._bar(found) if self._groups[-1][2] else found[0]

    def _open(self, found: re.Match[str]) -> str:
        x, y, _ = self._groups[-1]
        moved = _MOVED.search(found["rest"])
        if moved:
            x, y = x + float(moved[1]), y + float(moved[2])
        bars = found["class"] is not None
        self._groups.append((x, y, bars))
        return f'<g shape-rendering="crispEdges"{found[0][2:]}' if bars else found[0]

    def _bar(self, found: re.Match[str]) -> str:
        left, top, wide, high = (float(number) for number in re.split("[,hv]", found["path"]))
        x, y, _ = self._groups[-1]
        stroke = _STROKE.search(found["after"]) if ' stroke="' in found["after"] else None
        thick = max(1, round(float(stroke[1]) * self._unit)) / self._unit if stroke else 0
        beyond = float(stroke[1]) / 2 if stroke else 0  # half of an outline lies outside the bar
        x1, x2 = self._ends(x + left - beyond, x + left + wide + beyond)
        y1, y2 = self._ends(y + top, y + top + high) if high else (y + top, y + top)
        wide, high = x2 - x1 - thick, max(0.0, y2 - y1 - thick)
        path = f"M{x1 - x + thick / 2:.9g},{y1 - y + thick / 2:.9g}h{wide:.9g}v{high:.9g}h{-wide:.9g}Z"
        after = _STROKE.sub(f'stroke-width="{thick:.9g}"', found["after"]) if stroke else found["after"]
        return f"{found['before']}{path}{after}"

    def _ends(self, first: float, last: float) -> tuple[float, float]:
        """The nearest borders of pixels, at least one pixel apart."""
        start, end = round(first * self._unit), round(last * self._unit)
        if end <= start:  # the bar takes the pixel in which its middle lies
            start = math.floor((first + last) / 2 * self._unit)
            end = start + 1
        return start / self._unit, end / self._unit
