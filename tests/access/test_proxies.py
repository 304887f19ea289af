"""Whom the service takes for its client behind proxies."""

import pytest

from service.access.proxies import Proxies

CHAIN = Proxies("10.0.0.0/8, 192.0.2.7 fd00::/8")


@pytest.mark.parametrize(
    ("forwarded", "client"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("1.2.3.4, 203.0.113.9", "203.0.113.9"),
        ("1.2.3.4, 203.0.113.9, 10.1.1.1", "203.0.113.9"),
        ("1.2.3.4,203.0.113.9,192.0.2.7,fd00::1,10.1.1.1", "203.0.113.9"),
        ("203.0.113.9:4711", "203.0.113.9"),
        ("[2001:db8::9]:4711", "2001:db8::9"),
        ("2001:db8::9", "2001:db8::9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("10.2.2.2, 10.1.1.1", "10.2.2.2"),
        ("unknown, 10.1.1.1", "10.1.1.1"),
        ("203.0.113.9, unknown", "10.0.0.1"),
        ("", "10.0.0.1"),
        ("x" * 1000, "10.0.0.1"),
        ("fe80::1%eth0", "fe80::1%eth0"),
        ("fe80::1%" + "x" * 1000, "10.0.0.1"),
    ],
)
def test_the_last_address_that_is_no_proxy(forwarded: str, client: str) -> None:
    assert CHAIN.client("10.0.0.1", forwarded) == client


def test_where_whoever_connects_is_a_proxy_the_last_address_counts() -> None:
    assert Proxies("*").trust("203.0.113.9")
    assert Proxies("*").client("10.0.0.1", "1.2.3.4, 203.0.113.9") == "203.0.113.9"


def test_who_is_trusted() -> None:
    assert not Proxies("")
    for peer in ("10.255.0.1", "192.0.2.7", "::ffff:10.0.0.1", "fd00::5"):
        assert CHAIN.trust(peer), peer
    for peer in ("127.0.0.1", "192.0.2.8", "", "x", "::1"):
        assert not CHAIN.trust(peer), peer


@pytest.mark.parametrize("text", ["proxy.example", "10.0.0.0/40", "10.0.0"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no address"):
        Proxies(text)
