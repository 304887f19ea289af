"""Each parameter of DATABASE_URL has an effect, or is refused by its name."""

import socket
from pathlib import Path

import pytest

from service.errors import StartError
from service.settings import Settings
from service.store.address import DatabaseAddress, Host
from service.store.address_parameters import read_parameters

BEFORE = "postgresql://user:secret@a.example/readings"


def refusal(parameters: str) -> str:
    """What is said of an address with these parameters, which has to be refused."""
    with pytest.raises(StartError) as refused:
        Settings.load(database_url=f"{BEFORE}?{parameters}")
    assert "secret" not in refused.value.detail
    return refused.value.detail.removeprefix("DATABASE_URL can't be used: ")


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ("target_session_attrs=standby", "target_session_attrs must be any or primary or read-write, not 'standby'"),
        ("sslmode=on", "sslmode must be disable or allow or prefer or require or verify-ca or verify-full, not 'on'"),
        ("channel_binding=require", "channel_binding must be disable or prefer, not 'require', which is all that"),
        ("connect_timeout=soon", "connect_timeout must be a whole number, not 'soon'"),
        ("client_encoding=latin1", "client_encoding must be auto or utf8 or utf-8"),
        ("sslrootcert=/nowhere/ca.pem", "sslrootcert: /nowhere/ca.pem can't be read: No such file or directory"),
        ("sslrootcert=system", "sslrootcert must be a file"),
        ("hostaddr=10.0.0.1", "hostaddr can't be used here: write the address in place of the host"),
        ("service=plant", "service can't be used here: write what the service file says"),
        ("require_auth=scram-sha-256", "require_auth can't be used here"),
        (
            "search_path=readings",
            "'search_path' isn't a parameter of libpq's; write a setting of the server like options=",
        ),
        ("password=p&art=x", "one of its parameters isn't a parameter of libpq's"),
        ("sslmode", "its parameters can't be read"),
        ("host=b.example", "hosts and ports stand in it twice"),
    ],
)
def test_what_has_no_effect_is_refused(parameters: str, named: str) -> None:
    assert named in refusal(parameters)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("postgresql://a:5432,b:99999/x", "a port must be a number from 1 to 65535"),
        ("postgresql://a:5432,,b/x", "one of its hosts has no name"),
        ("postgresql:///x?host=a,b,c&port=1,2", "port has 2 values, and host 3"),
        ("postgresql://u@a/x?password=one", "it has a password already"),
    ],
)
def test_what_is_wrong_with_several_hosts(text: str, named: str) -> None:
    password = {"database_password": "secret"} if "password" in named else {}
    with pytest.raises(StartError) as refused:
        Settings.load(database_url=text, **password)
    assert named in refused.value.detail


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("postgresql://u@a,b:5433,[::1]:5434/x", [("a", 5432), ("b", 5433), ("::1", 5434)]),
        ("postgresql:///x?host=a,b&port=5433", [("a", 5433), ("b", 5433)]),
        ("postgresql:///x?host=a,/run/pg&port=1,2", [("a", 1), ("/run/pg", 2)]),
        ("postgresql://u@%2Frun%2Fpg/x", [("/run/pg", 5432)]),
        ("postgresql://u@a/x", [("a", 5432)]),
        ("postgresql:///x", []),
    ],
)
def test_hosts_are_read(text: str, hosts: list[tuple[str, int]]) -> None:
    address = DatabaseAddress.read(text)
    assert address.hosts == tuple(Host(*host) for host in hosts)
    assert address.asks is (len(hosts) > 1)


def test_each_has_its_effect() -> None:
    parameters = read_parameters(
        "connect_timeout=7&keepalives_idle=30&keepalives_interval=5&keepalives_count=3&tcp_user_timeout=9000"
        "&application_name=line%201&options=-c%20work_mem%3D16MB&sslmode=require&target_session_attrs=read-write"
    )
    assert parameters.connect_timeout == 7
    assert parameters.settings == {"application_name": "line 1", "options": "-c work_mem=16MB"}
    assert parameters.driver == {"sslmode": "require"}
    assert parameters.needs_primary
    assert set(parameters.socket_options) == {
        (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
        (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 30),
        (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5),
        (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
        (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 9000),
    }


def test_nothing_said_is_nothing_changed() -> None:
    parameters = read_parameters("")
    assert (parameters.connect_timeout, parameters.socket_options, parameters.settings) == (None, (), {})


def test_what_the_driver_is_told(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").touch()
    file = f"{tmp_path}/ca.pem"
    address = DatabaseAddress.read(
        f"{BEFORE}?sslmode=verify-full&sslrootcert={file}&connect_timeout=3&load_balance_hosts=random"
    )
    assert address.dsn == f"{BEFORE}?sslmode=verify-full&sslrootcert={file.replace('/', '%2F')}"
    several = DatabaseAddress.read("postgresql://user:se%2Fcret@a,b/readings?sslmode=require")
    assert several.dsn == "postgresql://user:se%2Fcret@/readings?sslmode=require"
