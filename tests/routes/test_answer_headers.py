"""What every answer says to browsers and caches."""

from typing import Any

import pytest

from service.access.grants import ALL_SCOPES, Grant
from service.routes.edge.answer_headers import guarding
from tests.conftest import Engine, settings_for
from tests.harness import Running, running

pytestmark = pytest.mark.anyio
HTML = ["/", "/display", "/schema", "/nowhere", "/display?page=0", "/assets/swagger/swagger.html"]
BROWSER = {"Accept": "text/html"}


def policies(answer: Any) -> list[str]:
    return [part.strip() for part in answer.headers["content-security-policy"].split(",")]


@pytest.mark.parametrize("path", HTML)
async def test_pages_are_framed_by_our_own_alone(shared: Running, path: str) -> None:
    answer = await shared.http.get(path, headers=BROWSER)
    assert answer.headers["content-type"].startswith("text/html")
    assert "frame-ancestors 'self'" in policies(answer)
    assert answer.headers["x-frame-options"] == "SAMEORIGIN"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_by_those_that_the_setting_names(engine: Engine, schema: str) -> None:
    settings = settings_for(engine, schema, frame_ancestors="https://wiki.example")
    async with running(settings) as service:
        for path in (*HTML, "/chart?format=html"):
            answer = await service.http.get(path, headers=BROWSER)
            assert "frame-ancestors 'self' https://wiki.example" in policies(answer), path
            assert "x-frame-options" not in answer.headers


async def test_a_picture_may_stand_anywhere(shared: Running) -> None:
    for form in ("svg", "png"):
        answer = await shared.http.get("/chart", params={"format": form})
        assert "frame-ancestors" not in answer.headers.get("content-security-policy", "")
        assert "x-frame-options" not in answer.headers


@pytest.mark.parametrize("path", ["/chart", "/livez", "/readings", "/schema/openapi.json", "/assets/icon.svg", "/ping"])
async def test_no_browser_guesses_another_type(shared: Running, path: str) -> None:
    assert (await shared.http.get(path)).headers.get_list("x-content-type-options") == ["nosniff"]


async def test_the_api_page_runs_its_own_scripts_alone(shared: Running) -> None:
    text = (await shared.http.get("/schema", headers=BROWSER)).text
    assert "default-src 'none'; script-src 'self' 'sha256-" in text
    assert (await shared.http.get("/schema/oauth2-redirect.html")).status_code == 404


KEYED = Grant("screen", ALL_SCOPES, key=1)
FOR_EVER = "public, max-age=31536000, immutable"


@pytest.mark.parametrize(
    ("grant", "given", "told"),
    [
        (Grant("anonymous", ALL_SCOPES), "public, max-age=60", "public, max-age=60"),
        (KEYED, "public, max-age=60", "private, max-age=60"),
        (Grant("anonymous", ALL_SCOPES, series=("line *",)), "public, max-age=60", "private, max-age=60"),
        (KEYED, "no-cache", "private, no-cache"),
        (KEYED, "no-store", "private, no-store"),
        (KEYED, None, "private, no-cache"),
        (
            Grant("screen", ALL_SCOPES, key=1),
            "public, max-age=31536000, immutable",
            "public, max-age=31536000, immutable",
        ),
    ],
)
async def test_what_a_key_was_needed_for_is_private(grant: Grant, given: str | None, told: str) -> None:
    headers = [(b"vary", b"Accept"), *([(b"cache-control", given.encode())] if given else [])]
    scope: Any = {"type": "http", "auth": grant}
    message: Any = {"type": "http.response.start", "status": 200, "headers": headers}
    await guarding("'self'")(message, scope)
    answered = dict(message["headers"])
    assert answered[b"cache-control"] == told.encode()
    assert answered[b"vary"] == (b"Accept, Authorization, Cookie" if told.startswith("private") else b"Accept")
