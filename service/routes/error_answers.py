"""Answers errors with a picture in place of a chart, with a page for browsers, and with problem+json otherwise. Each
error is counted."""

from typing import Any
from urllib.parse import urlencode

import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, MethodNotAllowedException, NotFoundException
from litestar.types import ExceptionHandlersMap

from service.errors import Forbidden, ForeignPage, TaktlineError, TooManyGuesses, Unauthorized
from service.intake.bodies import too_large
from service.languages.sentence import sentence
from service.metrics import Metrics
from service.problems import MEDIA_TYPE, headers, in_words, plain_problem, problem
from service.routes.chart.error_pictures import picture_of
from service.routes.edge.request_ids import REQUEST_ID
from service.routes.head import allowed_methods
from service.routes.html_pages import Pages
from service.routes.one_at_a_time import OneAtATime
from service.routes.parameters import accepted
from service.routes.senders import route_of
from service.routes.sign_in import ADDRESS

MOST_PICTURES = 10_000
"""Pictures of errors that may wait to be drawn: more than anybody asks for, since they can't be refused."""

SOONEST = 10
"""Seconds after which a page of an error that may pass asks again, at the earliest."""

GONE = "client disconnected prematurely"
"""What Litestar says of a client that goes while it sends a body; it has no exception of its own for that."""

log = structlog.stdlib.get_logger("service")


def handlers(pages: Pages, metrics: Metrics, max_body: int, *, debug: bool) -> ExceptionHandlersMap:
    """The handler for each kind of error; with `debug` the answer to an unexpected error shows its cause."""
    answers = ErrorAnswers(pages, metrics, max_body, debug=debug)
    return {TaktlineError: answers.refuse, HTTPException: answers.http_problem, Exception: answers.unexpected}


class ErrorAnswers:
    """Answers errors, and counts them."""

    def __init__(self, pages: Pages, metrics: Metrics, max_body: int, *, debug: bool) -> None:
        self._pages, self._metrics, self._max_body, self._debug = pages, metrics, max_body, debug
        self._drawing = OneAtATime("pictures", MOST_PICTURES)

    def refuse(self, request: Request[Any, Any, Any], error: TaktlineError) -> Response[Any]:
        """Answer an error of the service."""
        self._count(request, error.reason)
        if isinstance(error, TooManyGuesses):  # of which there may be thousands a second, so that it has to be cheap
            extra = {**headers(error), "Cache-Control": "no-store"}
            return Response(problem(error), status_code=error.status, media_type=MEDIA_TYPE, headers=extra)
        if isinstance(error, Unauthorized) and (sign_in := self._to_sign_in(request)) is not None:
            return sign_in
        another_key = isinstance(error, (Unauthorized, Forbidden)) and not isinstance(error, ForeignPage)
        return self._answer(request, problem(error), error.detail, headers(error), another_key=another_key)

    def http_problem(self, request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
        """Answer an error of the framework, such as an unknown address, a wrong method or a body that is too large."""
        if error.status_code == 413:
            return self.refuse(request, too_large(self._max_body))
        if error.detail == GONE:
            self._count(request, "gone")
            return Response(None, status_code=400)  # which nobody reads
        if error.status_code >= 500:
            return self.unexpected(request, error)
        self._count(request, f"http_{error.status_code}")
        detail: str = error.detail
        if isinstance(error, NotFoundException):
            detail = sentence("There is nothing at %(path)s.", path=request.url.path)
        if isinstance(error, MethodNotAllowedException):
            return self._not_allowed(request, error)
        return self._answer(request, plain_problem(error.status_code, detail), detail, dict(error.headers or {}))

    def unexpected(self, request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
        """Answer an exception that nobody expected."""
        log.error("unexpected error", path=request.url.path, exc_info=error)
        self._count(request, "internal")
        request_id = str(request.scope.get(REQUEST_ID, ""))
        detail: str = sentence(
            "This should not have happened; the log has the cause, under the request id %(request_id)s.",
            request_id=request_id,
        )
        if self._debug:
            detail = f"{type(error).__name__}: {error}"
        return self._answer(request, {**plain_problem(500, detail), REQUEST_ID: request_id}, detail, {})

    def _not_allowed(self, request: Request[Any, Any, Any], error: MethodNotAllowedException) -> Response[Any]:
        """Answer with 405 and the allowed methods, or with 426 at an address that only has a WebSocket."""
        path = request.url.path
        methods = allowed_methods((error.headers or {}).get("allow", "").split(", "))
        if not methods:
            upgrade = {"Upgrade": "websocket", "Connection": "Upgrade"}
            alone = sentence("There is a WebSocket at %(path)s, and nothing else.", path=path)
            return self._answer(request, plain_problem(426, alone), alone, upgrade)
        *others, last = methods
        asked = {"method": request.method, "path": path, "others": ", ".join(others), "last": last}
        detail = sentence("%(method)s isn't answered at %(path)s; %(last)s is.", **asked)
        if others:
            detail = sentence("%(method)s isn't answered at %(path)s; %(others)s and %(last)s are.", **asked)
        return self._answer(request, plain_problem(405, detail), detail, {"Allow": ", ".join(methods)})

    def _answer(
        self,
        request: Request[Any, Any, Any],
        made: dict[str, Any],
        detail: str,
        extra: dict[str, str],
        *,
        another_key: bool = False,
    ) -> Response[Any]:
        """The error as a picture where one was asked for, as a page for browsers, and as problem+json otherwise. With
        `another_key` the page leads to where people can sign in."""
        extra, speaks = {**extra, "Cache-Control": "no-store"}, self._pages.speaking_anyhow(request)
        words = in_words(made["status"], detail, speaks.language)
        picture = picture_of(request, made["status"], words, extra, self._drawing)
        if picture is not None:
            return picture
        if accepted(request, [MEDIA_TYPE, "text/html"]) == "text/html":
            # a screen on the wall, which nobody touches, is there when the service is
            passes = request.method == "GET" and "Retry-After" in extra
            again = max(SOONEST, int(extra["Retry-After"])) if passes else None
            values = {"title": words[0], "detail": words[1], "another_key": another_key, "again": again}
            return self._pages.render("error.html", values, speaks, extra, made["status"])
        return Response(made, status_code=made["status"], media_type=MEDIA_TYPE, headers=extra)

    def _to_sign_in(self, request: Request[Any, Any, Any]) -> Response[Any] | None:
        """A redirect to where people can sign in; None where it isn't a page that was asked for."""
        kinds = [MEDIA_TYPE, "application/json", "image/png", "text/html"]
        if request.method != "GET" or accepted(request, kinds) != "text/html":
            return None
        query = request.scope["query_string"].decode("latin-1")
        onward = urlencode({"next": request.scope["path"] + (f"?{query}" if query else "")})
        sign_in = self._pages.speaking_anyhow(request).keep(f"{ADDRESS}?{onward}")
        extra = {"Location": self._pages.at(sign_in), "Cache-Control": "no-store", "Vary": "Accept"}
        return Response(None, status_code=303, headers=extra)

    def _count(self, request: Request[Any, Any, Any], reason: str) -> None:
        self._metrics.refused(route_of(request), reason)
