"""Traces, as a collector gets them."""

import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from websockets.asyncio.client import connect

from service.access.keys import new_key
from service.errors import StartError, Unavailable
from service.settings import Settings
from service.tracing.open_telemetry import OpenTelemetryTracer
from service.tracing.opening import open_tracer
from service.tracing.tracer import NO_TRACER
from tests.conftest import Engine, settings_for
from tests.harness import Running, ask, running
from tests.receiver import Receiver

pytestmark = pytest.mark.anyio
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
KEY = new_key()


class Collected:
    """What the collector has got once the service has stopped: the spans, and whose they are."""

    def __init__(self, receiver: Receiver) -> None:
        requests = [ExportTraceServiceRequest.FromString(one.raw) for one in receiver.received]
        of_resources = [one for request in requests for one in request.resource_spans]
        self.resource = values(of_resources[0].resource.attributes)
        self.spans: list[Any] = [span for one in of_resources for scoped in one.scope_spans for span in scoped.spans]
        self.raw = b"".join(one.raw for one in receiver.received)

    def named(self, name: str) -> list[Any]:
        return [span for span in self.spans if span.name == name]


def values(attributes: Any) -> dict[str, Any]:
    """Attributes as plain values."""
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in attributes}


@asynccontextmanager
async def traced(engine: Engine, schema: str, receiver: Receiver) -> AsyncIterator[Running]:
    endpoint = f"http://127.0.0.1:{receiver.port}"
    async with running(settings_for(engine, schema, otel_exporter_otlp_endpoint=endpoint)) as service:
        yield service


async def test_requests_commits_and_renders_are_traced(engine: Engine, schema: str) -> None:
    async with Receiver().listening() as receiver:
        async with traced(engine, schema, receiver) as service:
            sent = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
            rows = [{"plan": 1, "series": "a"}] * 3
            answer = await service.http.post("/readings", json=rows, headers=sent)
            chart = await service.http.get("/chart?format=svg", headers={**sent, "Accept-Encoding": "identity"})
            async with connect(service.ws) as socket:
                await ask(socket, {"id": "b", "readings": [{"plan": 1}]})
        got = Collected(receiver)
    assert answer.headers["X-Request-ID"] == TRACE
    assert got.resource["service.name"] == "taktline"
    [post], [get] = got.named("POST /readings"), got.named("GET /chart")
    for span in (post, get):
        assert (span.trace_id.hex(), span.parent_span_id.hex()) == (TRACE, PARENT)
        assert span.kind == 2  # SERVER
    asked = values(post.attributes)
    assert {name: asked[name] for name in ("http.request.method", "http.route", "url.path")} == {
        "http.request.method": "POST",
        "http.route": "/readings",
        "url.path": "/readings",
    }
    assert asked["http.response.status_code"] == 200
    assert asked["taktline.request_id"] == TRACE
    [render] = got.named("render")
    assert (render.trace_id, render.parent_span_id) == (get.trace_id, get.span_id)
    drawn = values(render.attributes)
    assert (drawn["taktline.format"], drawn["taktline.bytes"]) == ("svg", len(chart.content))
    commits = [values(span.attributes) for span in got.named("commit")]
    assert sorted(one["taktline.readings"] for one in commits) == [1, 3]
    assert all(one["taktline.batches"] == 1 and one["taktline.bytes"] > 20 for one in commits)
    assert not [span for span in got.spans if "/ws" in span.name or span.name == "GET /"]


async def test_no_secret_is_in_a_span(engine: Engine, schema: str) -> None:
    async with Receiver().listening() as receiver:
        async with traced(engine, schema, receiver) as service:
            for path in (f"/chart?sig={KEY}", f"/write?p={KEY}&u={KEY}", f"/{KEY}", "/display"):
                await service.http.get(path, headers={"Authorization": f"Token {KEY}"})
        got = Collected(receiver)
    assert len(got.named("GET")) + len(got.named("GET /chart")) + len(got.named("GET /display")) == 4
    assert KEY[3:].encode() not in got.raw


async def test_an_error_of_ours_is_an_error_and_one_of_the_client_is_none(engine: Engine, schema: str) -> None:
    async with Receiver().listening() as receiver:
        async with traced(engine, schema, receiver) as service:
            await service.http.get("/chart?x=1")
            service.parts.writer.standstill.why = "Nobody answers."
            assert (await service.http.get("/readyz")).status_code == 503
            service.parts.writer.standstill.why = None
        got = Collected(receiver)
    [refused], [failed] = got.named("GET /chart"), got.named("GET /readyz")
    assert (refused.status.code, failed.status.code) == (0, 2)


async def test_a_collector_that_is_away_holds_up_nothing(engine: Engine, schema: str) -> None:
    receiver = Receiver()
    async with receiver.listening():
        pass  # its port is closed by now
    async with traced(engine, schema, receiver) as service:
        assert (await service.http.post("/readings", json={"plan": 1})).status_code == 200
    assert receiver.received == []


async def test_a_failure_is_in_the_span_and_goes_on() -> None:
    exporter = InMemorySpanExporter()
    tracer = OpenTelemetryTracer(exporter)
    with pytest.raises(Unavailable), tracer.span("commit", readings=1) as outer:
        with tracer.span("inner"):
            outer.set(bytes=5)
        raise Unavailable("Nobody answers.")
    await tracer.close()
    inner, commit = exporter.get_finished_spans()
    assert inner.parent is not None
    assert commit.context is not None
    assert inner.parent.span_id == commit.context.span_id
    assert dict(commit.attributes or {}) == {"taktline.readings": 1, "taktline.bytes": 5}
    assert not commit.status.is_ok
    assert "Nobody answers." in str(commit.events[0].attributes)


async def test_without_a_collector_nothing_is_traced() -> None:
    async with open_tracer("") as tracer:
        assert tracer is NO_TRACER


def test_nothing_of_it_is_loaded_with_the_service() -> None:
    code = "import sys, service.app, service.run.boot; print([one for one in sys.modules if 'opentelemetry' in one])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "[]\n"


async def test_without_its_packages_the_service_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "service.tracing.open_telemetry", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(StartError, match=r"OTEL_EXPORTER_OTLP_ENDPOINT is set.*install taktline\[otel\]\.$"):
        async with open_tracer("http://127.0.0.1:1"):
            pass


def test_an_address_that_is_none_is_refused_at_start() -> None:
    with pytest.raises(StartError, match="OTEL_EXPORTER_OTLP_ENDPOINT"):
        Settings.load(otel_exporter_otlp_endpoint="collector:4318")
