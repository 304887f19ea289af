"""Every operation answers as the API's description says to all requests, whether the description allows them or not,
and whoever asks: on an open service, and on one with keys. None makes the service stumble."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import schemathesis
import schemathesis.specs.openapi.checks as checks
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.access.grants import Scope
from tests.conftest import Engine, dropped_schema, settings_for
from tests.examples import examples
from tests.harness import Running, running
from tests.keyrings import add_key, bearer

pytestmark = pytest.mark.anyio
AS_DESCRIBED = [
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.status_code_conformance,
]
OPERATIONS = [
    ("DELETE", "/readings"),
    ("GET", "/"),
    ("GET", "/board"),
    ("GET", "/buckets"),
    ("GET", "/chart"),
    ("GET", "/check"),
    ("GET", "/corrections"),
    ("GET", "/display"),
    ("GET", "/live"),
    ("GET", "/live/series"),
    ("GET", "/livez"),
    ("GET", "/metrics"),
    ("GET", "/readings"),
    ("GET", "/readyz"),
    ("POST", "/api/v2/write"),
    ("POST", "/api/v3/write_lp"),
    ("POST", "/readings"),
    ("POST", "/write"),
    ("PUT", "/readings"),
]
FOR_ALL = ("/livez", "/readyz")
"""The paths that need no key."""
ACCEPTS = ("*/*", "application/json", "text/html", "text/csv", "image/png", "image/avif,*/*;q=0.8", "nonsense")
READER = "tk_reader"
ADMIN, WRONG = "tk_admin", "tk_wrong"
OTHER_SCOPE = {"GET": "tk_writer", "POST": READER, "PUT": READER, "DELETE": READER}
"""A key for everything; for each method one that may only do the other; and one that isn't known."""


@pytest.fixture(scope="module")
async def opened(engine: Engine) -> AsyncIterator[Running]:
    """A service without keys."""
    async with dropped_schema(engine) as schema, running(settings_for(engine, schema)) as service:
        yield service


@pytest.fixture(scope="module")
async def closed(engine: Engine) -> AsyncIterator[Running]:
    """A service with keys."""
    async with dropped_schema(engine) as schema, running(settings_for(engine, schema)) as service:
        await add_key(service, "admin", Scope.ADMIN, key=ADMIN)
        await add_key(service, "writer", Scope.WRITE, key=OTHER_SCOPE["GET"])
        await add_key(service, "reader", Scope.READ, key=READER)
        yield service


async def described(service: Running) -> Any:
    return (await service.http.get("/schema/openapi.json")).json()


async def test_every_operation_is_tried(opened: Running) -> None:
    paths = (await described(opened))["paths"]
    assert sorted((method.upper(), path) for path, item in paths.items() for method in item) == OPERATIONS


@pytest.mark.parametrize(
    ("method", "path", "mode"),
    [
        (method, path, mode)
        for method, path in OPERATIONS
        for mode in schemathesis.GenerationMode
        if mode.is_positive or path not in FOR_ALL  # of which nothing can be asked that isn't allowed
    ],
)
async def test_all_answers_are_as_described(
    opened: Running, closed: Running, method: str, path: str, mode: schemathesis.GenerationMode
) -> None:
    schema = schemathesis.openapi.from_dict(await described(opened))
    schema.config.max_stream_events = 1  # of /live, which doesn't end
    operation = schema[path][method]

    def ask(case: Any, service: Running, accept: str, key: str | None = None) -> int:
        headers = {"Accept": accept} | ({} if key is None else bearer(key))
        response = case.call(base_url=service.url, headers=headers, allow_redirects=False, timeout=30)
        case.validate_response(response, checks=AS_DESCRIBED)
        status: int = response.status_code
        assert status < 500, response.text
        assert (status == 401) == ("www-authenticate" in response.headers and status != 403)
        return status

    @settings(examples(0.08), suppress_health_check=list(HealthCheck), database=None)
    @given(case=operation.as_strategy(generation_mode=mode), accept=st.sampled_from(ACCEPTS))
    def answers(case: Any, accept: str) -> None:
        case.headers.pop("Authorization", None)  # which it may make up, since keys are described
        unlocked = ask(case, opened, accept)
        assert unlocked not in (401, 403, 429)
        ask(case, closed, accept, ADMIN)
        if path in FOR_ALL:
            assert ask(case, closed, accept) == unlocked
        else:
            assert ask(case, closed, accept, OTHER_SCOPE[method]) == 403
            assert ask(case, closed, accept) in (401, 303 if accept == "text/html" else 401)
            assert ask(case, closed, accept, WRONG) in (401, 429, 303 if accept == "text/html" else 401)

    # in another thread, because schemathesis blocks its thread and the services run in this one
    await asyncio.to_thread(answers)
