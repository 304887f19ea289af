"""Under which names the service may be asked for."""

import pytest

from service.access.hosts import Hosts, check_hosts, hosts_for


@pytest.mark.parametrize("listening", ["127.0.0.1", "::1", "localhost", "127.1.2.3"])
def test_on_loopback_only_its_own_names(listening: str) -> None:
    hosts = hosts_for("", listening)
    for host in ("localhost", "LocalHost:8080", "taktline.localhost", "127.0.0.1:8080", "[::1]:8080", "localhost.:1"):
        assert hosts.allow(host), host
    for host in ("evil.example", "evil.example:8080", "localhost.evil.example", "127.0.0.1.evil.example", "xlocalhost"):
        assert not hosts.allow(host), host


@pytest.mark.parametrize("listening", ["0.0.0.0", "::", "192.0.2.1", "taktline.example"])
def test_elsewhere_every_name(listening: str) -> None:
    assert hosts_for("", listening).allow("whatever.example:80")


def test_names_that_are_given() -> None:
    hosts = hosts_for("taktline.example, *.lan.example database_1", "0.0.0.0")
    for host in ("taktline.example", "Taktline.Example:443", "a.lan.example", "a.b.lan.example.", "database_1:8080"):
        assert hosts.allow(host), host
    for host in ("lan.example", "xlan.example", "a.taktline.example", "taktline.example.evil", "example"):
        assert not hosts.allow(host), host


def test_health_probes_ask_by_address() -> None:
    hosts = Hosts(["taktline.example"])
    for host in ("10.1.2.3:8080", "[2001:db8::7]:8080", "localhost:8080"):
        assert hosts.allow(host), host


@pytest.mark.parametrize("host", ["", "a b", "a/b", "user@a", "a:b", "[::1", "a:8080:1", "a\0", "ä"])
def test_what_is_no_host(host: str) -> None:
    with pytest.raises(ValueError):
        Hosts(["*"]).allow(host)


@pytest.mark.parametrize("text", ["https://taktline.example", "a.example:8080", "a/b", "*a.example", "a.*.example"])
def test_what_can_not_be_set(text: str) -> None:
    with pytest.raises(ValueError, match="isn't a host"):
        check_hosts(text)
