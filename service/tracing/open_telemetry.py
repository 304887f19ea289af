"""Traces as OpenTelemetry has them: https://opentelemetry.io/docs/specs/otel/trace/. No other module needs its
packages, which are an extra.

Its own instrumentation of ASGI isn't used: it writes whole addresses into spans, with the keys and signatures that are
among their parameters, and makes a span of each message of a WebSocket.
"""

import asyncio
import threading
from collections.abc import Mapping
from contextlib import AbstractContextManager, suppress
from importlib.metadata import version
from typing import Any

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send
from opentelemetry import propagate
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import Span, SpanKind, StatusCode

from service.access.keys import without_keys
from service.tracing.tracer import Traced, Tracer, Value

FLUSH = 1.0
"""Seconds in which the last spans may be sent when the service stops."""
_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"))


def to_collector(endpoint: str) -> "OpenTelemetryTracer":
    """A tracer that sends its spans to a collector, by OTLP over HTTP."""
    return OpenTelemetryTracer(OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces"))


class OpenTelemetryTracer(Tracer):
    """Sends spans in batches, from a thread of its own. The library itself reads its variables, such as
    OTEL_SERVICE_NAME and OTEL_TRACES_SAMPLER."""

    def __init__(self, exporter: SpanExporter) -> None:
        ours = {"service.name": "taktline", "service.version": version("taktline")}
        resource = Resource.create(ours).merge(OTELResourceDetector().detect())
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("taktline", version("taktline"))

    def span(self, name: str, **attributes: Value) -> Traced:
        """A span with these attributes, whose names begin with `taktline.` there. An exception that ends it is its
        error."""
        return _TracedSpan(self._tracer.start_as_current_span(name, attributes=_named(attributes)))

    def around(self, app: ASGIApp) -> ASGIApp:
        """The application, with a span for each HTTP request, which continues the trace of its `traceparent`. None of
        its parameters is in it, and a WebSocket has none: it may last for days."""

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != ScopeType.HTTP:
                await app(scope, receive, send)
                return
            method = scope["method"] if scope["method"] in _METHODS else "_OTHER"
            with self._tracer.start_as_current_span(
                method, propagate.extract(_headers(scope)), SpanKind.SERVER, _asked(scope, method)
            ) as span:

                async def send_noted(message: Message) -> None:
                    if message["type"] == "http.response.start":
                        _note_status(span, message["status"])
                    await send(message)

                try:
                    await app(scope, receive, send_noted)
                finally:
                    if route := scope.get("path_template"):
                        span.update_name(f"{method} {route}")
                        span.set_attribute("http.route", route)

        return answer

    async def close(self) -> None:
        """Send what isn't sent yet, as far as the collector takes it soon."""
        loop, sent = asyncio.get_running_loop(), asyncio.Event()

        def end() -> None:
            self._provider.shutdown()
            with suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(sent.set)

        threading.Thread(target=end, daemon=True).start()  # the loop's own threads would be waited for
        with suppress(TimeoutError):
            await asyncio.wait_for(sent.wait(), FLUSH)


class _TracedSpan(Traced):
    """A block of work in a span."""

    def __init__(self, span: AbstractContextManager[Span]) -> None:
        self._block = span

    def __enter__(self) -> "_TracedSpan":
        self._span = self._block.__enter__()
        return self

    def __exit__(self, *what: Any) -> None:
        self._block.__exit__(*what)

    def set(self, **attributes: Value) -> None:
        self._span.set_attributes(_named(attributes))


def _named(attributes: Mapping[str, Value]) -> dict[str, Value]:
    return {f"taktline.{name}": value for name, value in attributes.items()}


def _headers(scope: HTTPScope) -> Mapping[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


def _asked(scope: HTTPScope, method: str) -> dict[str, Value]:
    """What is asked for, by the names of OpenTelemetry's conventions."""
    asked: dict[str, Value] = {
        "http.request.method": method,
        "url.path": without_keys(scope["path"], "***"),
        "url.scheme": scope["scheme"],
        "network.protocol.version": scope["http_version"],
        "taktline.request_id": str(scope.get("request_id", "")),
    }
    return asked | ({"client.address": scope["client"][0]} if scope["client"] else {})


def _note_status(span: Span, status: int) -> None:
    span.set_attribute("http.response.status_code", status)
    if status >= 500:
        span.set_status(StatusCode.ERROR)
