"""Which requests come from pages of other sites."""

import pytest

from service.access.origins import Origins, read_origins

TRUSTING = Origins(read_origins("https://pages.example, http://10.0.0.5:3000/"), read_origins(""))


@pytest.mark.parametrize(
    ("site", "origin", "host"),
    [
        (None, None, "taktline.example"),
        ("none", None, "taktline.example"),
        ("same-origin", "https://taktline.example", "internal:8080"),  # a proxy that doesn't pass the host on
        (None, "http://taktline.example:8080", "taktline.example:8080"),
        (None, "https://taktline.example", "taktline.example"),  # the proxy has TLS
        (None, "https://taktline.example", "taktline.example:443"),
        (None, "http://taktline.example", "Taktline.Example:80"),
        (None, "http://[::1]:8080", "[::1]:8080"),
        ("cross-site", "https://pages.example", "taktline.example"),
        (None, "HTTPS://Pages.Example", "taktline.example"),
        ("same-site", "http://10.0.0.5:3000", "10.0.0.5:8080"),
    ],
)
def test_programs_and_our_own_pages_pass(site: str | None, origin: str | None, host: str) -> None:
    assert not TRUSTING.is_foreign(site, origin, host, secure=False)


@pytest.mark.parametrize(
    ("site", "origin", "host"),
    [
        ("cross-site", "https://evil.example", "taktline.example"),
        ("same-site", "https://other.example", "taktline.example"),
        ("cross-site", None, "taktline.example"),
        ("", None, "taktline.example"),
        ("cross-site", "https://taktline.example", "taktline.example"),
        (None, "null", "taktline.example"),
        ("cross-site", "null", "taktline.example"),
        (None, "https://evil.example", "taktline.example"),
        (None, "http://taktline.example:3000", "taktline.example:8080"),
        (None, "http://taktline.example.evil.example", "taktline.example"),
        (None, "https://pages.example.evil.example", "taktline.example"),
        (None, "file://", ""),
        (None, "chrome-extension://taktline.example", "taktline.example"),
        (None, "http://taktline.example", ""),
    ],
)
def test_pages_of_other_sites_are_foreign(site: str | None, origin: str | None, host: str) -> None:
    assert TRUSTING.is_foreign(site, origin, host, secure=False)


def test_a_page_without_tls_is_foreign_to_a_service_behind_it() -> None:
    here = "taktline.example"
    assert TRUSTING.is_foreign(None, f"http://{here}", here, secure=True)
    assert not TRUSTING.is_foreign(None, f"https://{here}", here, secure=True)


def test_a_socket_may_be_ours_whatever_the_browser_calls_its_site() -> None:
    """The scheme of a WebSocket's address isn't that of the page."""
    here = "http://taktline.example:8080"
    assert not TRUSTING.is_foreign("cross-site", here, "taktline.example:8080", secure=False, socket=True)
    assert TRUSTING.is_foreign("cross-site", "http://evil.example", "taktline.example:8080", secure=False, socket=True)
    assert TRUSTING.is_foreign("cross-site", None, "taktline.example:8080", secure=False, socket=True)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", set()),
        ("https://a.example", {"https://a.example"}),
        (
            "https://A.example/, http://b.example:80 https://c.example:443",
            {"https://a.example", "http://b.example", "https://c.example"},
        ),
        ("http://[::1]:3000", {"http://[::1]:3000"}),
        ("capacitor://localhost", {"capacitor://localhost"}),
    ],
)
def test_origins_as_people_write_them(text: str, found: set[str]) -> None:
    assert read_origins(text) == found


@pytest.mark.parametrize(
    "text", ["a.example", "https://a.example/path", "*", "null", "https://*.a.example/x", "https://", "http://a b"]
)
def test_what_is_no_origin_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="isn't an origin"):
        read_origins(text)


def test_every_page_may_read_only_where_that_is_allowed() -> None:
    readers = Origins(readers=read_origins("*", any_allowed=True))
    assert readers.may_read("https://evil.example")
    assert readers.is_foreign("cross-site", "https://evil.example", "taktline.example", secure=False)
    assert not TRUSTING.may_read("https://evil.example")
    assert TRUSTING.may_read("https://pages.example")
