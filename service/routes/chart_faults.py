"""Errors of `/chart` as pictures, where an `<img>` would show nothing else."""

from contextlib import suppress
from typing import Any

from litestar import Request, Response

from service.chart.fault import fault_png, fault_svg
from service.chart.picture import WIDTH, default_height
from service.errors import BadRequest
from service.problems import MEDIA_TYPE
from service.routes.chart_answers import POLICY, TYPED
from service.routes.chart_parameters import KNOWN
from service.routes.parameters import accepted

_DRAWN = {"image/svg+xml": fault_svg, "image/png": fault_png}


def picture_of(request: Request[Any, Any, Any], problem: dict[str, Any], extra: dict[str, str]) -> Response[Any] | None:
    """The problem as a picture of the size asked for; None where words are welcome."""
    if request.scope.get("path_template") != "/chart":
        return None
    media_type = _drawn(request)
    if media_type is None:
        return None
    detail = problem["detail"]
    data = _DRAWN[media_type](f"{problem['status']} {problem['title']}", detail, *_look(request))
    made = {**extra, **TYPED, **POLICY, "X-Chart-Error": _ascii(detail)}
    return Response(data, status_code=problem["status"], media_type=media_type, headers=made)


def _drawn(request: Request[Any, Any, Any]) -> str | None:
    """The kind of picture to answer with; None where words are welcome."""
    if request.headers.get("sec-fetch-dest") == "image" or _names_only_images(request.headers.get("accept", "")):
        return accepted(request, list(_DRAWN))
    best = accepted(request, [MEDIA_TYPE, "application/json", "text/html", *_DRAWN])
    return best if best in _DRAWN else None


def _names_only_images(accept: str) -> bool:
    """As `image/avif,image/webp,*/*`, which some browsers send for an `<img>`."""
    kinds = {one.strip().lower().partition("/")[0] for one in accept.split(",")}
    return "image" in kinds and not kinds & {"text", "application"}


def _look(request: Request[Any, Any, Any]) -> tuple[int, int, str]:
    """Width, height and theme as far as they are given rightly."""
    found: dict[str, Any] = {}
    for name in ("width", "height", "theme"):
        with suppress(BadRequest):
            if name in request.query_params:
                found[name] = KNOWN[name].read(name, request.query_params[name])
    width = found.get("width", WIDTH)
    return width, found.get("height", default_height(width, 1)), found.get("theme", "light")


def _ascii(text: str) -> str:
    """What a header may hold."""
    return " ".join(text.encode("ascii", "backslashreplace").decode().split())[:300]
