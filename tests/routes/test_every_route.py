"""Rules that hold for every address of the service."""

import re
from collections.abc import Iterator
from email.message import Message
from typing import Any

import pytest
from litestar import Litestar
from litestar.routes import HTTPRoute, WebSocketRoute

import service.app
from service.routes.authentication import NEEDS
from tests.harness import Running

pytestmark = pytest.mark.anyio

ACCEPTS = ("text/html", "text/csv", "application/json")
FORMS = {
    # HTML isn't among them, because making its drawing library takes long
    "/chart": ("png", "svg", "json", "csv", "vega", "nonsense"),
    "/display": ("csv", "json", "html"),
    "/readings": ("csv", "ndjson"),
}
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


@pytest.fixture(scope="module")
async def app(shared: Running) -> Litestar:
    """The application within all that is around it."""
    made: list[Litestar] = []

    class Noted(Litestar):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            made.append(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(service.app, "Litestar", Noted)
        service.app.create_app(shared.parts)
    return made[0]


@pytest.fixture(scope="module")
async def routes(app: Litestar) -> dict[str, set[str]]:
    """The methods of each address of the application."""
    found: dict[str, set[str]] = {}
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            found.setdefault(_filled(route.path), set()).update(route.methods)
    return found


def _filled(path: str) -> str:
    return re.sub(r"/\{[^}]*:path\}$", "/stylesheets/swagger-ui.css", path).replace("{name:str}", "icon.svg")


def addresses(routes: dict[str, set[str]]) -> Iterator[str]:
    for path in (*routes, "/nowhere"):
        yield path
        yield from (f"{path}?format={form}" for form in FORMS.get(path, ()))


async def test_every_route_says_whose_it_is(app: Litestar) -> None:
    """One that doesn't is for admin alone, which would be meant by none of them."""
    handlers = [handler for route in app.routes for handler in getattr(route, "route_handlers", ())]
    handlers += [route.route_handler for route in app.routes if isinstance(route, WebSocketRoute)]
    unsaid = {
        str(handler) for handler in handlers if NEEDS not in handler.opt and handler.fn.__name__ != "options_handler"
    }
    assert len(handlers) > 25
    assert unsaid == set()


async def test_gzip_can_be_refused(shared: Running, routes: dict[str, set[str]]) -> None:
    for address in addresses(routes):
        for accept in ("gzip;q=0", "*;q=0", "br, gzip;q=0", "identity"):
            async with shared.http.stream("GET", address, headers={"Accept-Encoding": accept}) as answer:
                assert "content-encoding" not in answer.headers, (address, accept)
    for accept in ("gzip", "br, gzip;q=0.5"):
        answer = await shared.http.get("/schema/openapi.json", headers={"Accept-Encoding": accept})
        assert answer.headers["content-encoding"] == "gzip"


@pytest.mark.parametrize("name", ["x" * 300, "x" * 5000, "stylesheets/swagger-ui.css/x", "%00", "..%2fx", "a%0ab"])
async def test_what_can_be_no_file_is_not_there(shared: Running, name: str) -> None:
    for folder in ("/assets/swagger/", "/assets/"):
        answer = await shared.http.get(folder + name)
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"


async def test_a_charset_is_named_at_most_once(shared: Running, routes: dict[str, set[str]]) -> None:
    seen = set()
    for address in addresses(routes):
        for accept in ("*/*",) if address.startswith("/chart") or "?" in address else ACCEPTS:
            async with shared.http.stream("GET", address, headers={"Accept": accept}) as answer:
                told = answer.headers.get("content-type", "")
            seen.add(told)
            parsed = Message()
            parsed["Content-Type"] = told
            names = [name.lower() for name, _ in parsed.get_params([])[1:]]
            assert len(names) == len(set(names)), (address, told)
            if told.startswith("text/"):
                assert parsed.get_param("charset") == "utf-8", (address, told)
    assert {"text/plain; version=0.0.4; charset=utf-8", "text/csv; charset=utf-8", "text/html; charset=utf-8"} <= seen


async def test_a_method_that_is_not_answered_is_told_which_are(shared: Running, routes: dict[str, set[str]]) -> None:
    assert {"/write", "/readings", "/chart", "/metrics", "/query", "/assets/icon.svg", "/schema"} <= routes.keys()
    for path, methods in routes.items():
        allowed = methods | {"HEAD"} if "GET" in methods else methods
        assert (await shared.http.options(path)).headers["allow"] == ", ".join(sorted(allowed)), path
        for method in METHODS - allowed:
            answer = await shared.http.request(method, path)
            assert (answer.status_code, answer.headers["allow"]) == (405, ", ".join(sorted(allowed))), (method, path)
            if method != "HEAD":
                *others, last = sorted(allowed)
                detail = f"{method} isn't answered at {path}; {', '.join(others)} and {last} are."
                assert answer.json()["detail"] == detail


async def test_a_socket_without_upgrade_is_told_what_is_there(shared: Running) -> None:
    for method in ("GET", "POST"):
        answer = await shared.http.request(method, "/ws")
        assert (answer.status_code, answer.headers["upgrade"]) == (426, "websocket")
        assert answer.json()["detail"] == "There is a WebSocket at /ws, and nothing else."


async def test_the_icon_where_browsers_look_for_it(shared: Running) -> None:
    answer = await shared.http.get("/favicon.ico")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/vnd.microsoft.icon")
    assert answer.content.startswith(b"\0\0\1\0")


@pytest.mark.parametrize("method", sorted(METHODS))
async def test_every_method_is_answered_where_nothing_is(shared: Running, method: str) -> None:
    for address, status in (("/nowhere", 404), ("/static/", 404), ("/ws", 426)):
        answer = await shared.http.request(method, address)
        assert answer.status_code == status, address


async def test_the_api_page_has_a_sentence_for_each_address(shared: Running) -> None:
    """Where the name of a function would stand otherwise, like `WriteV1`."""
    document = (await shared.http.get("/schema/openapi.json")).json()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            summary = operation["summary"]
            assert " " in summary, (method, path, summary)
            assert len(summary) <= 160, (method, path, summary)
            assert operation["description"].replace("\n", " ").startswith(summary), (method, path, summary)
