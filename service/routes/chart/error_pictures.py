"""Errors of `/chart` as pictures, where an `<img>` would show nothing else."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.types import Receive, Scope, Send

from service.charts.drawing.fault import fault_png, fault_svg
from service.charts.drawing.picture import WIDTH, default_height
from service.errors import BadRequest
from service.problems import MEDIA_TYPE
from service.routes.chart.caching import POLICY, TYPED
from service.routes.chart.chart_parameters import KNOWN, MAX_PIXELS
from service.routes.context import Context
from service.routes.parameters import accepted

_KINDS = ("image/svg+xml", "image/png")


class _Look(msgspec.Struct, frozen=True):
    width: int
    height: int
    theme: str = "light"
    scale: float = 1


def picture_of(request: Request[Any, Any, Any], problem: dict[str, Any], extra: dict[str, str]) -> Response[Any] | None:
    """The problem as a picture of the size asked for; None where words are welcome."""
    if request.scope.get("path_template") != "/chart":
        return None
    media_type = _kind(request)
    if media_type is None:
        return None
    title, detail, look = f"{problem['status']} {problem['title']}", problem["detail"], _look(request)
    made = {**extra, **TYPED, **POLICY, "X-Chart-Error": _ascii(detail)}
    if media_type == "image/svg+xml":
        data = fault_svg(title, detail, look.width, look.height, look.theme)
        return Response(data, status_code=problem["status"], media_type=media_type, headers=made)
    draw = partial(fault_png, title, detail, look.width, look.height, look.theme, look.scale)
    context: Context = request.app.state.context
    return _Drawn(draw, context.brush, status_code=problem["status"], media_type=media_type, headers=made)


class _Drawn(Response[bytes]):
    """A picture that is drawn when it is sent, beside the event loop: a large one takes some hundredths of a second."""

    def __init__(self, draw: Callable[[], bytes], brush: asyncio.Lock, **how: Any) -> None:
        super().__init__(b"", **how)
        self._draw, self._brush = draw, brush

    def to_asgi_response(self, *args: Any, **kwargs: Any) -> Any:
        whole = super().to_asgi_response

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            async with self._brush:
                self.content = await asyncio.to_thread(self._draw)
            await whole(*args, **kwargs)(scope, receive, send)

        return answer


def _kind(request: Request[Any, Any, Any]) -> str | None:
    """The kind of picture to answer with; None where words are welcome."""
    if request.headers.get("sec-fetch-dest") == "image" or _names_only_images(request.headers.get("accept", "")):
        return accepted(request, _KINDS)
    best = accepted(request, [MEDIA_TYPE, "application/json", "text/html", *_KINDS])
    return best if best in _KINDS else None


def _names_only_images(accept: str) -> bool:
    """As `image/avif,image/webp,*/*`, which some browsers send for an `<img>`."""
    kinds = {one.strip().lower().partition("/")[0] for one in accept.split(",")}
    return "image" in kinds and not kinds & {"text", "application"}


def _look(request: Request[Any, Any, Any]) -> _Look:
    """The look as far as it is asked for rightly."""
    found: dict[str, Any] = {}
    for name in ("width", "height", "theme", "scale"):
        with suppress(BadRequest):
            if name in request.query_params:
                found[name] = KNOWN[name].read(name, request.query_params[name])
    width = found.get("width", WIDTH)
    look = _Look(**{"width": width, "height": default_height(width, 1), **found})
    too_large = look.scale**2 * look.width * look.height > MAX_PIXELS
    return msgspec.structs.replace(look, scale=1) if too_large else look


def _ascii(text: str) -> str:
    """What a header may hold."""
    return " ".join(text.encode("ascii", "backslashreplace").decode().split())[:300]
