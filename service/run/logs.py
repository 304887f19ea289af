"""Sets up logging: lines that people can read on a terminal, or JSON for log collectors. The logs of libraries look the
same."""

import asyncio
import logging
import sys
from typing import Literal

import structlog
from structlog.typing import EventDict, Processor

from service.errors import TaktlineError

TRACEBACKS = ("exception", "stack")
"""What is meant to have several lines."""


def configure(level: str, form: Literal["console", "json"]) -> None:
    """Set up structlog and the standard library's logging for this process."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="%H:%M:%S" if form == "console" else "iso", utc=form == "json"),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=_last(form)))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.getLogger("uvicorn.error").addFilter(_is_news)
    for name in ("asyncio", "uvicorn.error", "docker", "httpx", "urllib3", "PIL"):
        logging.getLogger(name).setLevel(logging.WARNING)


def _is_news(record: logging.LogRecord) -> bool:
    """Whether a log record of uvicorn's says anything new. Two of its tracebacks don't: that of a request that was cut
    off when the service stopped, and that of a client whose text isn't UTF-8, which learns it by the close code. Of an
    answer that failed in its middle, as where the database is gone, one line is left of the traceback."""
    error = record.exc_info[1] if record.exc_info else None
    if (cause := _cause(error)) is not None:
        record.msg, record.args = f"an answer was cut off in its middle: {cause.detail}", ()
        record.exc_info, record.levelno, record.levelname = None, logging.WARNING, "WARNING"
    return not isinstance(error, asyncio.CancelledError | UnicodeDecodeError)


def _cause(error: BaseException | None) -> TaktlineError | None:
    """The error of ours because of which an answer that had begun failed; None where it is no error of ours."""
    while error is not None and not isinstance(error, TaktlineError):
        error = error.exceptions[0] if isinstance(error, BaseExceptionGroup) else error.__cause__
    return error


def _printable(_: object, __: str, event: EventDict) -> EventDict:
    """Escape line breaks and control characters, which may come from clients and would write to the terminal."""
    for name, value in event.items():
        if isinstance(value, str) and not value.isprintable() and name not in TRACEBACKS:
            event[name] = "".join(char if char.isprintable() else repr(char)[1:-1] for char in value)
    return event


def _last(form: Literal["console", "json"]) -> list[Processor]:
    clean = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    if form == "json":
        return [clean, structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    plain = structlog.dev.plain_traceback
    return [
        clean,
        _printable,
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=0, exception_formatter=plain),
    ]
