"""`GET /board`: the hour-by-hour board for people and programs, and for a screen on the wall."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler

from service.access.grants import Grant, Scope
from service.board.board import BoardQuestion
from service.board.reading import Boards
from service.board.tables import as_csv, as_json
from service.errors import BadRequest, bad_parameter
from service.languages.sentence import translatable
from service.live.board_view import BoardView, when
from service.live.live_feed import LiveFeed
from service.metrics import Metrics
from service.period.kept import Keeping, check_kept
from service.routes.authentication import needs
from service.routes.board_openapi import BoardOperation
from service.routes.board_parameters import FORMATS, BoardParameters, read_board_parameters
from service.routes.defaults import Defaults
from service.routes.forms import message_beside, tidied
from service.routes.html_pages import Pages
from service.routes.parameters import FOR_CSV, requested_format
from service.routes.record_parameters import address
from service.routes.senders import caller_of, grant_of
from service.routes.sites_away import sites_away
from service.routes.speaking import Speaking

FIELDS = ("series", "step", "from", "until", "tz")
"""Parameters with a field in the form, beside which an error can be shown."""
ROWS = {"1h": translatable("An hour"), "30m": translatable("30 minutes"), "15m": translatable("15 minutes")}
HEADERS = {"Cache-Control": "no-cache"}


def board_route(
    boards: Boards, feed: LiveFeed, pages: Pages, defaults: Defaults, kept: Keeping, metrics: Metrics
) -> HTTPRouteHandler:
    """The route of boards; `kept` returns from when on rollups are kept."""

    @get("/board", operation_id="board", operation_class=BoardOperation, tags=["chart"], opt=needs(Scope.READ))
    async def board(request: Request[Any, Any, Any]) -> Response[Any]:
        """The hour-by-hour board: plan, fact and their totals for each hour of a period, by default of today."""
        given, grant = list(request.query_params.multi_items()), grant_of(request)
        form = requested_format(request, dict(given).get("format") or None, FORMATS, "json")
        if form == "html" and (plain := tidied(request, pages.at("/board"), FIELDS)) is not None:
            return plain
        speaks = pages.speaking_anyhow(request)
        try:
            asked = read_board_parameters(given, defaults.longest_name)
            view = asked.board_view(defaults, grant, speaks.code)
            now = datetime.now(UTC)
            period, _ = view.period.at(now, defaults.shifts)
            if asked.excel and form != "csv":
                raise bad_parameter("excel", FOR_CSV)
            # what is due ends within a step
            check_kept(
                period.edges, "minute" if period.start < now < period.end else period.relation, kept(view.series)
            )
        except BadRequest as error:
            if form != "html" or "wall" in dict(given).get("view", ""):
                raise
            metrics.refused("/board", error.reason)
            return await _form(pages, given, speaks, grant, defaults, error)
        if form == "html":
            return await _page(feed, pages, view, asked, given, speaks, defaults, request)
        question = BoardQuestion(period, view.series, view.split, view.period.is_trimmed(defaults.shifts))
        found = await boards.read(question, datetime.now(UTC), caller_of(request))
        if form == "json":
            body = as_json(found, split=view.split)
        else:
            body = as_csv(found, split=view.split, excel=asked.excel)
        told = {**HEADERS, "Vary": "Accept", **sites_away(found.away)}
        return Response(body, media_type=FORMATS[form], headers=told)

    return board


async def _page(
    feed: LiveFeed,
    pages: Pages,
    view: BoardView,
    asked: BoardParameters,
    given: list[tuple[str, str]],
    speaks: Speaking,
    defaults: Defaults,
    request: Request[Any, Any, Any],
) -> Response[Any]:
    snapshot = await feed.board(view, caller_of(request))
    kept = [(name, value) for name, value in given if name not in ("format", "view", "theme") and value.strip()]
    kind = "wall" if view.wall else "hours"
    shown: dict[str, Any] = {"parts_html": snapshot.html, "query": urlencode([("board", kind), *kept])}
    if view.wall:
        period, shift = view.period.at(datetime.now(UTC), defaults.shifts)
        said = when(period, shift, speaks.language)
        title = asked.title or speaks.language.gettext("Plan and fact")
        values = {**shown, "theme": asked.theme, "title": title, "when": said}
        return pages.render("wall.html", {**values, "zone": ZoneInfo(period.zone)}, speaks, HEADERS)
    grant = grant_of(request)
    values = {**_values(given, defaults), **shown, "zone": asked.tz or defaults.zone}
    return await pages.form("board.html", {**values, "may_write": pages.may_note(grant)}, speaks, grant, HEADERS)


async def _form(
    pages: Pages,
    given: list[tuple[str, str]],
    speaks: Speaking,
    grant: Grant,
    defaults: Defaults,
    error: BadRequest,
) -> Response[Any]:
    """The page with the form alone, and the error beside the field at fault."""
    faults = {fault.field: message_beside(fault, speaks.language) for fault in error.faults if fault.field in FIELDS}
    values = {**_values(given, defaults), "parts_html": "", "query": "", "zone": defaults.zone, "faults": faults}
    values["notice"] = "" if faults else speaks.language.say(error.detail)
    values["may_write"] = False  # there is nothing to note anything about
    return await pages.form("board.html", values, speaks, grant, HEADERS, error.status)


def _values(given: list[tuple[str, str]], defaults: Defaults) -> dict[str, Any]:
    """The content of the form's fields, whether right or wrong, and the links that keep it."""
    typed = dict(given)
    kept = [(name, value) for name, value in given if name not in (*FIELDS, "format") and value.strip()]
    span = {name: typed[name] for name in ("from", "until", "shift") if typed.get(name)}
    span = span or ({"shift": "shift"} if defaults.shifts else {"from": "today"})
    series = tuple(value for name, value in given if name == "series" and value)
    same = {"series": series, **span, "tz": typed.get("tz") or None}
    wall = urlencode([*((name, value) for name, value in given if name not in ("format", "step")), ("view", "wall")])
    return {
        "typed": {
            "series": [value for name, value in given if name == "series"],
            "step": typed.get("step") or "1h",
            "start": typed.get("from", ""),
            "until": typed.get("until", ""),
            "tz": typed.get("tz", ""),
        },
        "steps": ROWS,
        "kept": kept,
        "from_placeholder": "shift" if defaults.shifts else "today",
        "until_placeholder": translatable("its end") if defaults.shifts else translatable("end of the day"),
        "to_wall": f"/board?{wall}",
        "to_records": address("/display", **same),
        "to_corrections": address("/corrections", **same),
    }
