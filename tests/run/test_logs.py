"""A client's text can't write to the terminal, or forge a line of the log; and what is expected to fail at times needs
but one."""

import logging

import structlog

from service.errors import Unavailable
from service.run.logs import _is_news, _last


def test_control_characters_are_escaped() -> None:
    event: structlog.typing.EventDict = {
        "event": "un\nexpected",
        "path": "/\x1b[2J\u202e",
        "exception": "a\nb",
        "count": 1,
    }
    for step in _last("console")[1:]:
        event = step(None, "error", event)  # type: ignore[assignment]
    text = str(event)
    assert "\x1b[2J" not in text
    assert "\u202e" not in text
    assert r"un\nexpected" in text
    assert "a\nb" in text


def failed(*, by: Exception) -> logging.LogRecord:
    """What uvicorn logs where an answer that has begun fails in a group of tasks."""
    error = RuntimeError("Exception caught after response started")
    error.__cause__ = ExceptionGroup("unhandled errors in a TaskGroup", [by])
    return logging.LogRecord(
        "uvicorn.error", logging.ERROR, "", 0, "Exception in ASGI application\n", (), (RuntimeError, error, None)
    )


def test_an_answer_that_the_database_cuts_off_is_one_line() -> None:
    record = failed(by=Unavailable("The database doesn't answer in time."))
    assert _is_news(record)
    assert record.getMessage() == "an answer was cut off in its middle: The database doesn't answer in time."
    assert (record.levelname, record.exc_info) == ("WARNING", None)


def test_a_fault_of_ours_keeps_its_traceback() -> None:
    record = failed(by=KeyError("series"))
    assert _is_news(record)
    assert (record.levelname, record.getMessage()) == ("ERROR", "Exception in ASGI application\n")
    assert record.exc_info
