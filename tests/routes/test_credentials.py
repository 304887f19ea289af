"""In which ways a key may be sent."""

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.routes import credentials


def offered_key(scope: Any) -> str | None:
    return credentials.offered_key(scope, credentials.headers_of(scope)[0])


def basic(text: str | bytes) -> bytes:
    return b"Basic " + base64.b64encode(text.encode() if isinstance(text, str) else text)


def scope(*, header: bytes | None = None, query: bytes = b"", path: str = "/write", **more: Any) -> Any:
    headers = [(b"host", b"x"), *([] if header is None else [(b"authorization", header)])]
    return {"type": "http", "headers": headers, "query_string": query, "path_template": path, **more}


@pytest.mark.parametrize(
    ("header", "key"),
    [
        (b"Bearer tk_1", "tk_1"),
        (b"bearer   tk_1 ", "tk_1"),
        (b"Token tk_1", "tk_1"),
        (b"Token eva:tk_1", "tk_1"),
        (basic("eva:tk_1"), "tk_1"),
        (basic(":tk_1"), "tk_1"),
        (basic("tk_1:"), "tk_1"),
        (basic("tk_1"), "tk_1"),
        (basic("eva:with:colon"), "with:colon"),
        (b"Basic !", "!"),
        (basic(b"\xff:\xff"), "/zr/"),
        (b"Bearer", ""),
        (b"Bearer \xff", "\xff"),
        (b"Digest tk_1", None),
        (b"", None),
        (None, None),
    ],
)
def test_the_header(header: bytes | None, key: str | None) -> None:
    assert offered_key(scope(header=header)) == key


@pytest.mark.parametrize(
    ("path", "query", "key"),
    [
        ("/write", b"u=eva&p=tk_1", "tk_1"),
        ("/query", b"q=SHOW+DATABASES&p=tk_1", "tk_1"),
        ("/write", b"p=a%26b&precision=s", "a&b"),
        ("/write", b"u=eva&p=", None),
        ("/write", b"stamp=1", None),
        ("/write", b"p=tk_1" + b"&a=1" * 100, None),
        ("/chart", b"u=eva&p=tk_1", None),
    ],
)
def test_the_parameters_of_influxdb_1(path: str, query: bytes, key: str | None) -> None:
    assert offered_key(scope(path=path, query=query)) == key
    assert offered_key(scope(path=path, query=query, header=b"Bearer tk_2")) == "tk_2"


@pytest.mark.parametrize(
    ("offered", "key"),
    [
        (["taktline.v1", "taktline.key.tk_1"], "tk_1"),
        (["taktline.key.tk_1"], "tk_1"),
        (["taktline.v1"], None),
        ([], None),
    ],
)
def test_the_subprotocol_of_a_socket(offered: list[str], key: str | None) -> None:
    made = scope(query=b"p=tk_2", subprotocols=offered) | {"type": "websocket"}
    assert offered_key(made) == key


@given(st.binary(max_size=100), st.binary(max_size=100))
def test_anything_is_a_key_or_none(header: bytes, query: bytes) -> None:
    for given_header in (header, b"Basic " + header, b"Token " + header, None):
        key = offered_key(scope(header=given_header, query=b"p=" + query))
        assert key is None or isinstance(key, str)
