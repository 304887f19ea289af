"""Which pages may show ours in a frame."""

import pytest

from service.access.frames import frame_ancestors


@pytest.mark.parametrize(
    ("text", "sources"),
    [
        ("none", "'none'"),
        ("self", "'self'"),
        ("'self'", "'self'"),
        ("*", "*"),
        ("https://wiki.example", "'self' https://wiki.example"),
        ("self, https://*.example.com:8443 http:", "'self' https://*.example.com:8443 http:"),
    ],
)
def test_as_people_write_them(text: str, sources: str) -> None:
    assert frame_ancestors(text) == sources


@pytest.mark.parametrize(
    "text", ["wiki.example", "none https://a.example", "* https://a.example", "https://a.example; script-src *"]
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="can't stand there"):
        frame_ancestors(text)
