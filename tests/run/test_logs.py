"""A client's text can't write to the terminal, or forge a line of the log."""

import structlog

from service.run.logs import _last


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
