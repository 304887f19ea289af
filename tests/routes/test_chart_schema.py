"""`/chart` answers as the API's description says to all requests, whether the description allows them or not, and never
with 500."""

import asyncio
from typing import Any

import pytest
import schemathesis
import schemathesis.specs.openapi.checks as checks
from hypothesis import HealthCheck, given, settings

from tests.examples import examples
from tests.harness import Running

pytestmark = pytest.mark.anyio
AS_DESCRIBED = [
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.status_code_conformance,
]


@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode))
async def test_no_request_makes_the_service_stumble(shared: Running, mode: schemathesis.GenerationMode) -> None:
    described = (await shared.http.get("/schema/openapi.json")).json()
    operation = schemathesis.openapi.from_dict(described)["/chart"]["GET"]

    @settings(examples(0.6), suppress_health_check=list(HealthCheck), database=None)
    @given(case=operation.as_strategy(generation_mode=mode))
    def answers(case: Any) -> None:
        response = case.call(base_url=shared.url)
        assert response.status_code in (200, 304, 400), response.text
        case.validate_response(response, checks=AS_DESCRIBED)

    # in another thread, because schemathesis blocks its thread and the service runs in this one
    await asyncio.to_thread(answers)
