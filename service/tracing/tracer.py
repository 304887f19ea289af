"""Traces, where somebody wants them: a part says what it is doing, and a tracer makes a span of it or, by default,
nothing at all."""

from typing import TypeAlias

from litestar.types import ASGIApp

Value: TypeAlias = str | int | float


class Traced:
    """A block of work, of which nothing is kept."""

    def __enter__(self) -> "Traced":
        return self

    def __exit__(self, *_: object) -> None:
        """An exception goes on."""

    def set(self, **attributes: Value) -> None:
        """Say more of it."""


_NOTHING = Traced()


class Tracer:
    """Keeps nothing."""

    def span(self, name: str, **attributes: Value) -> Traced:
        """A block of work, with what it is about. It belongs to the span around it, if there is one."""
        return _NOTHING

    def around(self, app: ASGIApp) -> ASGIApp:
        """The application, with a span for each request."""
        return app

    async def close(self) -> None:
        """Send what isn't sent yet."""


NO_TRACER = Tracer()
