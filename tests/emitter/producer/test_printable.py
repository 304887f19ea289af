"""What the other side sends can't write to the terminal or forge a line of a log."""

import ssl
import stat
from pathlib import Path

import pytest
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosedError, InvalidHeader, InvalidProxy, InvalidStatus
from websockets.frames import Close
from websockets.http11 import Response

from emitter.producer import BadToken, Producer
from emitter.producer.answers import read_answer, read_problem
from emitter.producer.failures import describe
from emitter.producer.link import Link, websocket_url
from emitter.producer.printable import MOST, printable
from emitter.producer.spool import Spool
from tests.desk import make_batches

NASTY = "\x1b]0;owned\x07\x1b[2J\nERROR forged\r\u202e\x9b31m\0"


def is_harmless(text: str) -> bool:
    return text.isprintable() and len(text) <= MOST


def test_it_is_shown_escaped_and_shortened() -> None:
    assert printable("Öykü sagt „ja“") == "Öykü sagt „ja“"
    assert printable("a\nb\x1b[1m") == r"a\nb\x1b[1m"
    assert is_harmless(printable(NASTY * 1000))
    assert printable("\udc80") == r"\udc80"


def test_a_service_without_tls_is_told_from_a_broken_one() -> None:
    """As where `wss://` stands in the address of a service without a proxy."""
    reader, writer = ssl.MemoryBIO(), ssl.MemoryBIO()
    inside = ssl.create_default_context().wrap_bio(reader, writer, server_hostname="taktline.example")
    reader.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    with pytest.raises(ssl.SSLError) as caught:
        inside.do_handshake()
    assert describe(caught.value) == "what answers there doesn't speak TLS (is the address ws:// or http://?)"


def test_in_every_way_in_which_it_can_come() -> None:
    body = b'{"status": 400, "detail": "%b"}' % NASTY.encode("unicode_escape").replace(b"\\x", b"\\u00").replace(
        b"\\0", b""
    )
    response = Response(400, f"Bad{NASTY}", Headers(), body)
    shown = [
        read_problem(body),
        describe(InvalidStatus(response)),
        describe(ConnectionClosedError(Close(1008, NASTY[:20]), None, None)),
        describe(OSError(NASTY)),
    ]
    frame = read_answer(b'{"error": %b, "id": null}' % body)
    shown.append(str(frame.problem))  # type: ignore[union-attr]
    assert all(map(is_harmless, shown)), shown
    assert all("owned" in text for text in shown)


@pytest.mark.parametrize("password", ["secret", "se/cret", "se#cret", "se?cret", "se@cret", "1/2"])
def test_a_password_in_the_address_is_never_shown(password: str) -> None:
    text = f"wss://user:{password}@there.example/path"
    assert Link(url=text).name == "wss://there.example/path"
    if not set(password) & set("/#?"):
        assert Link(url=websocket_url(text)).name == "wss://there.example/path"
        return
    with pytest.raises(ValueError) as caught:
        websocket_url(text)
    assert "cret" not in str(caught.value)
    assert "user" not in str(caught.value)


@pytest.mark.parametrize("token", ["tk_sécret", "tk_secret\r\nX-Other: 1", "tk secret"])
def test_a_token_that_no_header_can_have_is_refused_and_not_shown(token: str) -> None:
    for make in (lambda: Producer("ws://there/", token=token), lambda: Link(url="ws://there/", token=token)):
        with pytest.raises(BadToken, match=r"^The token has characters that no key has$"):
            make()
    assert Producer("ws://there/", token="tk_secret\r\n").link.token == "tk_secret"


def test_a_header_that_is_wrong_is_named_and_not_shown() -> None:
    assert describe(InvalidHeader("Authorization", "Bearer tk_secret\r")) == (
        "the header Authorization is missing, or can't be used"
    )


def test_a_proxy_that_cannot_be_used_is_said_without_its_password() -> None:
    failure = InvalidProxy("gopher://me:secret@there", "scheme gopher isn't supported")
    assert describe(failure) == "the proxy that the environment names can't be used: scheme gopher isn't supported"


def test_a_spool_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "spool.sqlite"
    with Spool(path, 10**6) as spool:
        spool.put(make_batches(1)[0])
        files = list(path.parent.iterdir())
        assert {"spool.sqlite", "spool.sqlite-wal", "spool.sqlite.lock"} <= {file.name for file in files}
        assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_an_older_spool_becomes_so(tmp_path: Path) -> None:
    path = tmp_path / "spool.sqlite"
    Spool(path, 10**6).close()
    path.chmod(0o644)
    Spool(path, 10**6).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
