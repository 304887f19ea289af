"""Errors of `/chart` as pictures, since an `<img>` couldn't show them otherwise."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.types import Receive, Scope, Send

from service.charts.drawing.error_picture import error_png, error_svg
from service.charts.drawing.picture import WIDTH, default_height
from service.charts.question import MAX_PIXELS
from service.errors import BadRequest
from service.problems import MEDIA_TYPE
from service.routes.chart.caching import SVG_POLICY
from service.routes.chart.chart_parameters import KNOWN
from service.routes.one_at_a_time import OneAtATime
from service.routes.parameters import MOST_READ, accepted
from service.routes.senders import caller_of

_KINDS = ("image/svg+xml", "image/png")


class _Appearance(msgspec.Struct, frozen=True):
    width: int
    height: int
    theme: str = "light"
    scale: float = 1


def picture_of(
    request: Request[Any, Any, Any], status: int, words: tuple[str, str], extra: dict[str, str], drawing: OneAtATime
) -> Response[Any] | None:
    """A problem, by its title and detail in words, as a picture of the size that was asked for; None where the client
    accepts text."""
    if request.scope.get("path_template") != "/chart":
        return None
    media_type = _kind(request)
    if media_type is None:
        return None
    title, detail, how = f"{status} {words[0]}", words[1], _appearance(request)
    made = {**extra, **SVG_POLICY, "X-Chart-Error": _ascii(detail)}
    if media_type == "image/svg+xml":
        data = error_svg(title, detail, how.width, how.height, how.theme)
        return Response(data, status_code=status, media_type=media_type, headers=made)
    draw = partial(error_png, title, detail, how.width, how.height, how.theme, how.scale)
    return _DrawnWhenSent(
        lambda: drawing.run(draw, caller_of(request)),
        status_code=status,
        media_type=media_type,
        headers=made,
    )


class _DrawnWhenSent(Response[bytes]):
    """A picture that is drawn when it is sent, in a thread, since a large one takes some hundredths of a second."""

    def __init__(self, draw: Callable[[], Awaitable[bytes]], **response: Any) -> None:
        super().__init__(b"", **response)
        self._draw = draw

    def to_asgi_response(self, *args: Any, **kwargs: Any) -> Any:
        whole = super().to_asgi_response

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            self.content = await self._draw()
            await whole(*args, **kwargs)(scope, receive, send)

        return answer


def _kind(request: Request[Any, Any, Any]) -> str | None:
    """The kind of picture to answer with; None where the client accepts text."""
    if request.headers.get("sec-fetch-dest") == "image" or _names_only_images(request.headers.get("accept", "")):
        return accepted(request, _KINDS)
    best = accepted(request, [MEDIA_TYPE, "application/json", "text/html", *_KINDS])
    return best if best in _KINDS else None


def _names_only_images(accept: str) -> bool:
    """Whether an Accept header is like `image/avif,image/webp,*/*`, which some browsers send for an `<img>`."""
    kinds = {one.strip().lower().partition("/")[0] for one in accept[:MOST_READ].split(",")}
    return "image" in kinds and not kinds & {"text", "application"}


def _appearance(request: Request[Any, Any, Any]) -> _Appearance:
    """The appearance that is asked for; parameters that are wrong are replaced by their defaults."""
    found: dict[str, Any] = {}
    for name in ("width", "height", "theme", "scale"):
        with suppress(BadRequest):
            if name in request.query_params:
                found[name] = KNOWN[name].read(name, request.query_params[name])
    width = found.get("width", WIDTH)
    made = _Appearance(**{"width": width, "height": default_height(width, 1), **found})
    too_large = made.scale**2 * made.width * made.height > MAX_PIXELS
    return msgspec.structs.replace(made, scale=1) if too_large else made


def _ascii(text: str) -> str:
    """The text in ASCII, as headers allow it."""
    return " ".join(text.encode("ascii", "backslashreplace").decode().split())[:300]
