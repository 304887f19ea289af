"""Opens the tracer that the settings ask for."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from service.errors import StartError
from service.tracing.tracer import NO_TRACER, Tracer


@asynccontextmanager
async def open_tracer(endpoint: str) -> AsyncIterator[Tracer]:
    """A tracer for the collector at this address, which is closed with the block; one that does nothing where there is
    none. Raises StartError where the packages of OpenTelemetry aren't installed, which are loaded here alone."""
    if not endpoint:
        yield NO_TRACER
        return
    try:
        from service.tracing.open_telemetry import to_collector
    except ImportError as exc:
        raise StartError(
            f"OTEL_EXPORTER_OTLP_ENDPOINT is set, and {exc.name} isn't installed; install taktline[otel]."
        ) from exc
    tracer = to_collector(endpoint)
    try:
        yield tracer
    finally:
        await tracer.close()
