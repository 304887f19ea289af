"""Errors as answers: a picture in place of a chart, a page for browsers, problem+json otherwise; each is counted."""

from typing import Any

import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, MethodNotAllowedException, NotFoundException
from litestar.types import ExceptionHandlersMap

from service.errors import TaktlineError
from service.intake.bodies import too_large
from service.problems import MEDIA_TYPE, headers, plain_problem, problem
from service.routes.chart.error_pictures import picture_of
from service.routes.context import Context
from service.routes.head import answered
from service.routes.html_pages import page
from service.routes.parameters import accepted

log = structlog.stdlib.get_logger("service")


def handlers(*, debug: bool) -> ExceptionHandlersMap:
    """What becomes of each kind of error; with `debug`, an unexpected one shows its cause."""
    return {TaktlineError: _refuse, HTTPException: _http_problem, Exception: _unexpected(debug=debug)}


def _answer(request: Request[Any, Any, Any], made: dict[str, Any], extra: dict[str, str]) -> Response[Any]:
    """The same error as a picture where one was asked for, as a page for browsers, and as problem+json otherwise."""
    context: Context = request.app.state.context
    extra = {**extra, "Cache-Control": "no-store"}
    picture = picture_of(request, made, extra)
    if picture is not None:
        return picture
    if accepted(request, [MEDIA_TYPE, "text/html"]) == "text/html":
        return page(context, "error.html", {"title": made["title"], "detail": made["detail"]}, extra, made["status"])
    return Response(made, status_code=made["status"], media_type=MEDIA_TYPE, headers=extra)


def _refuse(request: Request[Any, Any, Any], error: TaktlineError) -> Response[Any]:
    _count(request, error.reason)
    return _answer(request, problem(error), headers(error))


def _http_problem(request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
    """What the framework refuses: no such address, wrong method, too large, parameters of a wrong type."""
    if error.status_code == 413:
        return _refuse(request, too_large(request.app.state.context.max_body))
    _count(request, f"http_{error.status_code}")
    detail = error.detail
    if isinstance(error, NotFoundException):
        detail = f"There is nothing at {request.url.path}."
    if isinstance(error, MethodNotAllowedException):
        return _not_allowed(request, error)
    return _answer(request, plain_problem(error.status_code, detail), dict(error.headers or {}))


def _not_allowed(request: Request[Any, Any, Any], error: MethodNotAllowedException) -> Response[Any]:
    """405 that says what is allowed; 426 where there is a WebSocket and nothing else."""
    path = request.url.path
    methods = answered((error.headers or {}).get("allow", "").split(", "))
    if not methods:
        upgrade = {"Upgrade": "websocket", "Connection": "Upgrade"}
        return _answer(request, plain_problem(426, f"There is a WebSocket at {path}, and nothing else."), upgrade)
    *others, last = methods
    allowed = f"{', '.join(others)} and {last} are" if others else f"{last} is"
    detail = f"{request.method} isn't answered at {path}; {allowed}."
    return _answer(request, plain_problem(405, detail), {"Allow": ", ".join(methods)})


def _unexpected(debug: bool) -> Any:
    def handle(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
        log.error("unexpected error", path=request.url.path, exc_info=error)
        _count(request, "internal")
        detail = (
            f"{type(error).__name__}: {error}" if debug else "This should not have happened; the log has the cause."
        )
        return _answer(request, plain_problem(500, detail), {})

    return handle


def _count(request: Request[Any, Any, Any], reason: str) -> None:
    context: Context = request.app.state.context
    context.metrics.refused(request.scope.get("path_template") or "unknown", reason)
