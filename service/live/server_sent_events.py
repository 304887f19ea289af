"""Server-sent events; https://html.spec.whatwg.org/multipage/server-sent-events.html."""

from typing import Any

import msgspec

_encode = msgspec.json.Encoder().encode


def event(name: str, data: Any) -> bytes:
    """An event with its data as JSON, which fits on one line, as the format demands."""
    return b"event: %b\ndata: %b\n\n" % (name.encode(), _encode(data))
