"""What a worker is told to do. The service imports this, and not the libraries with which it is done."""

import gzip
from typing import Literal

import msgspec

from service.charts.drawing.picture import Picture
from service.charts.drawing.templates import built_templates

DrawnFormat = Literal["png", "svg", "pdf"]


class DrawingOrder(msgspec.Struct, frozen=True):
    """What a worker is told to draw: a picture in a format. `scale` counts for PNG alone; `packed` means gzipped. With
    `templates`, those that Altair builds are wanted rather than the picture, which is drawn nevertheless."""

    picture: Picture
    form: DrawnFormat
    scale: float = 1
    packed: bool = False
    templates: bool = False


def carry_out(order: DrawingOrder) -> bytes:
    """The bytes that were ordered."""
    from service.charts.drawing.draw import draw

    data = draw(order.picture, order.form, order.scale)
    if order.templates:
        return built_templates()
    return gzip.compress(data, 6, mtime=0) if order.packed else data
