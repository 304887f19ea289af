"""Reads the parameters of DATABASE_URL and DATABASE_READ_URL, which are libpq's. Each has an effect, or is refused by
its name: whoever wrote it relies on it."""

import re
import socket
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote

import msgspec

SocketOption = tuple[int, int, int]
"""Level, option and value, as a socket takes them."""

_CHOICES = {
    "load_balance_hosts": "disable random",
    "sslmode": "disable allow prefer require verify-ca verify-full",
    "sslnegotiation": "postgres direct",
    "ssl_min_protocol_version": "TLSv1.2 TLSv1.3",
    "ssl_max_protocol_version": "TLSv1.2 TLSv1.3",
    # these change nothing with the values that are allowed
    "channel_binding": "disable prefer",
    "client_encoding": "auto utf8 utf-8",
    "gssencmode": "disable prefer",
    "keepalives": "0 1",
    "sslcertmode": "allow",
    "sslcompression": "0",
    "sslsni": "1",
}
"""The values that are allowed for parameters with few."""
_SESSIONS = {False: "any primary read-write", True: "any prefer-standby read-only standby"}
"""The values of target_session_attrs, without and with `reading`."""
_FILES = ("passfile", "sslcert", "sslcrl", "sslkey", "sslrootcert")
_NUMBERS = ("connect_timeout", "keepalives_count", "keepalives_idle", "keepalives_interval", "tcp_user_timeout")
_TEXTS = (
    "application_name",
    "database",
    "dbname",
    "fallback_application_name",
    "gsslib",
    "host",
    "krbsrvname",
    "options",
    "password",
    "port",
    "sslpassword",
    "user",
)
_OF_THE_DRIVER = {
    *_FILES,
    "database",
    "dbname",
    "gsslib",
    "krbsrvname",
    "password",
    "sslmode",
    "sslnegotiation",
    "sslpassword",
    "ssl_max_protocol_version",
    "ssl_min_protocol_version",
    "user",
}
"""What the driver reads for itself."""
_REFUSED = {
    "gssdelegation": "the driver can't do it",
    "hostaddr": "write the address in place of the host",
    "max_protocol_version": "the driver speaks version 3.0",
    "min_protocol_version": "the driver speaks version 3.0",
    "replication": "Taktline needs an ordinary session",
    "require_auth": "the driver can't do it",
    "requirepeer": "the driver can't do it",
    "requiressl": "write sslmode=require",
    "scram_client_key": "the driver can't do it",
    "scram_server_key": "the driver can't do it",
    "service": "write what the service file says into the address",
    "servicefile": "write what the service file says into the address",
    "sslcrldir": "name a file by sslcrl",
    "sslkeylogfile": "the driver can't do it",
}
"""Parameters of libpq that can't have the effect that is meant, and why."""
_SECRET = {"password", "sslpassword"}
_TCP = {
    "keepalives_count": ("TCP_KEEPCNT",),
    "keepalives_idle": ("TCP_KEEPIDLE", "TCP_KEEPALIVE"),  # Linux, macOS
    "keepalives_interval": ("TCP_KEEPINTVL",),
    "tcp_user_timeout": ("TCP_USER_TIMEOUT",),
}


class Parameters(msgspec.Struct, frozen=True):
    """What the parameters say.

    `driver` has those that the driver reads for itself, `settings` those with which sessions begin. `connect_timeout`
    is in seconds, for one host; None where nothing is said. `needs_primary`: a server that takes no writes won't do,
    even if it is the only one. `host` and `port` are as they are written, "" where they aren't.
    """

    driver: dict[str, str]
    settings: dict[str, str]
    connect_timeout: float | None
    socket_options: tuple[SocketOption, ...]
    needs_primary: bool
    host: str = ""
    port: str = ""


def read_parameters(text: str, *, reading: bool = False) -> Parameters:
    """Read what stands behind the question mark, with `reading` in the address of standbys. Raises ValueError, which
    names the parameter that can't be used and shows no password."""
    given = _split(text)
    for name, value in given.items():
        if name == "target_session_attrs":
            _check_choice(name, value, _SESSIONS[reading].split())
        else:
            _check(name, value, hide=bool(_SECRET & given.keys()))
    called = given.get("application_name") or given.get("fallback_application_name")
    settings = {"application_name": called} if called else {}
    if options := given.get("options"):
        settings["options"] = options
    return Parameters(
        {name: value for name, value in given.items() if name in _OF_THE_DRIVER},
        settings,
        float(given.get("connect_timeout", 0)) or None,
        _socket_options(given),
        not reading and given.get("target_session_attrs", "any") != "any",
        given.get("host", ""),
        given.get("port", ""),
    )


def _split(text: str) -> dict[str, str]:
    given = {}
    for part in text.split("&") if text else ():
        name, equals, value = part.partition("=")
        if not (name and equals):
            raise ValueError("its parameters can't be read; write them like ?sslmode=require&connect_timeout=5")
        if value:
            given[unquote(name)] = unquote(value)
    return given


def _check(name: str, value: str, *, hide: bool) -> None:
    if name in _REFUSED:
        raise ValueError(f"{name} can't be used here: {_REFUSED[name]}")
    if choices := _CHOICES.get(name):
        _check_choice(name, value, choices.split())
    elif name in _NUMBERS:
        if not re.fullmatch(r"\d{1,9}", value):
            raise ValueError(f"{name} must be a whole number, not {value!r}")
    elif name in _FILES:
        _check_file(name, value)
    elif name not in _TEXTS:
        # behind a password in which & isn't quoted, it may be a part of that
        shown = "one of its parameters" if hide else repr(name)
        raise ValueError(
            f"{shown} isn't a parameter of libpq's; write a setting of the server like options=-c%20work_mem%3D16MB"
        )


def _check_choice(name: str, value: str, allowed: list[str]) -> None:
    if value in allowed or (name == "client_encoding" and value.lower() in allowed):
        return
    why = ""
    if name == "target_session_attrs":
        why = ": DATABASE_URL is for the primary, and DATABASE_READ_URL for standbys"
    elif len(allowed) < 4:
        why = ", which is all that the driver can do"
    raise ValueError(f"{name} must be {' or '.join(allowed)}, not {value!r}{why}")


def _check_file(name: str, value: str) -> None:
    if name == "sslrootcert" and value == "system":
        raise ValueError("sslrootcert must be a file, such as /etc/ssl/certs/ca-certificates.crt, not 'system'")
    try:
        with Path(value).open("rb"):
            pass
    except OSError as exc:
        raise ValueError(f"{name}: {value} can't be read: {exc.strerror}") from None


def _socket_options(given: Mapping[str, str]) -> tuple[SocketOption, ...]:
    """The options of TCP that are asked for; none of them are set otherwise."""
    options: list[SocketOption] = []
    on = given.get("keepalives")
    if on is not None or any(name in given for name in _TCP if name.startswith("keepalives")):
        options.append((socket.SOL_SOCKET, socket.SO_KEEPALIVE, int(on or 1)))
    for name, constants in _TCP.items():
        if (value := int(given.get(name, 0))) == 0:  # for libpq, the system's own value
            continue
        option = next((found for one in constants if (found := getattr(socket, one, None)) is not None), None)
        if option is None:
            raise ValueError(f"{name} can't be used here: this operating system doesn't have it")
        options.append((socket.IPPROTO_TCP, option, value))
    return tuple(options)
