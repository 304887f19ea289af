"""JSON texts are found in a stream, however it is cut."""

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import BadRequest, TaktlineError, TooLarge
from service.intake.formats.json_stream import FIRST_LINE, Framer, Lost

LIMIT = 10_000


def cut(stream: bytes, size: int, limit: int = LIMIT) -> list[bytes | str]:
    """The texts in a stream that arrives in pieces of this size, with the names of errors among them."""
    framer, found = Framer(limit), list[bytes | str]()
    try:
        for at in range(0, len(stream), size):
            for one in framer.feed(stream[at : at + size]):
                found.append(one if isinstance(one, bytes) else "bad")
    except TaktlineError as exc:
        return [*found, type(exc).__name__]
    return [*found, "unfinished"] if framer.end() else found


values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
documents = st.dictionaries(st.text(), values, max_size=4) | st.lists(values, max_size=4)


@given(
    st.lists(st.tuples(documents, st.sampled_from(["", "\n", "\r\n", "  ", "\n\n"]), st.sampled_from([None, 2]))),
    st.integers(1, 40),
    st.booleans(),
)
def test_whatever_json_is_sent_comes_out_as_it_was(
    sent: list[tuple[Any, str, int | None]], size: int, ascii_only: bool
) -> None:
    texts = [json.dumps(value, indent=indent, ensure_ascii=ascii_only) for value, _, indent in sent]
    stream = "".join(text + end for text, (_, end, _) in zip(texts, sent, strict=True))
    assert cut(stream.encode("utf-8", "surrogatepass"), size) == [
        text.encode("utf-8", "surrogatepass") for text in texts
    ]


@pytest.mark.parametrize(
    ("stream", "found"),
    [
        (b'hello\n{"a":1}\n', ["bad", b'{"a":1}']),
        (b'5\n{"a":1}\n', ["bad", b'{"a":1}']),
        (b'{"plan": 1\n{"plan":2}\n', ["bad", b'{"plan":2}']),
        (b'{"plan: 1}\n{"plan":2}\n', ["bad", b'{"plan":2}']),
        (b'{"a":1]\n{"plan":2}\n', ["bad", b'{"plan":2}']),
        (b'{"plan": 4{"plan":5}\n{"plan":6}\n', ["bad", b'{"plan":6}']),
        (b'{"a": "x\\\ny"}\n{"plan":2}\n', ["bad", "bad", b'{"plan":2}']),
        # no part of a broken object is taken for a reading
        (b'{"a":"x\ny", "b":{"plan":1}}\n{"plan":2}\n', ["bad", "bad", b'{"plan":2}']),
        (b'{"a": [1,\n {"b": 2},\n{"c":3}]}', [b'{"a": [1,\n {"b": 2},\n{"c":3}]}']),
        # an error inside of a text is left to the decoder, so that the next text isn't lost
        (b'{"plan": oops}{"plan":2}', [b'{"plan": oops}', b'{"plan":2}']),
        (b'{"plan": 1', ["unfinished"]),
        (b"\xef\xbb", ["unfinished"]),
        # a byte order mark may only be at the beginning of a stream
        (b'\xef\xbb\xbf{"plan":1}{"plan":2}', [b'{"plan":1}', b'{"plan":2}']),
        (b'\xef\xbb\xbf\n{"plan":1}', [b'{"plan":1}']),
        (b'\xef\xbb{"plan":1}\n{"plan":2}', ["bad", b'{"plan":2}']),
        (b'{"plan":1}\n\xef\xbb\xbf{"plan":2}\n{"plan":3}', [b'{"plan":1}', "bad", b'{"plan":3}']),
        (b'{"plan": "\\', ["unfinished"]),
        (b'{"a":1},{"b":2}', [b'{"a":1}', "bad"]),
        (b'GET / HTTP/1.1\r\nHost: a\r\n\r\n{"plan":1}', ["bad", "Lost"]),
        (b"\0" * (FIRST_LINE + 1), ["bad", "Lost"]),
        (b'{"a":1}\n' + b"x" * (LIMIT + 1), [b'{"a":1}', "bad", "Lost"]),
        (b'{"a":1}\n' + b"x" * (LIMIT - 1) + b'\n{"b":1}', [b'{"a":1}', "bad", b'{"b":1}']),
        (b'{"a":"' + b"x" * LIMIT, ["TooLarge"]),
        (b'{"a":"' + b"x" * LIMIT + b'"}', ["TooLarge"]),
        (b'{"a":[' + b"1," * LIMIT, ["TooLarge"]),
        (b"[" * (LIMIT + 1), ["TooLarge"]),
        (b"[" * LIMIT, ["unfinished"]),
    ],
)
@pytest.mark.parametrize("size", [1, 2, 3, 7, 10**6])
def test_what_is_no_json_costs_no_more_than_its_line(stream: bytes, found: list[bytes | str], size: int) -> None:
    assert cut(stream, size) == found


@given(
    st.binary(max_size=300), st.lists(st.sampled_from([b"{", b"}", b"[", b"]", b'"', b"\\", b"\n", b":", b",", b"1"]))
)
def test_rubbish_comes_out_the_same_however_it_is_cut(noise: bytes, marks: list[bytes]) -> None:
    for stream in (noise, b"".join(marks), noise + b"".join(marks) + noise):
        whole = cut(stream, 10**6)
        assert cut(stream, 1) == whole
        assert cut(stream, 5) == whole


def test_small_pieces_of_a_large_text_are_looked_at_once() -> None:
    text = json.dumps({"a": ["x" * 50_000, {"b": 'y"\\' * 20_000}], "c": list(range(20_000))}).encode()
    framer = Framer(10**6)
    started = time.process_time()
    found = [one for at in range(0, len(text), 2) for one in framer.feed(text[at : at + 2])]
    assert found == [text]
    assert time.process_time() - started < 5


def test_errors_say_what_is_wrong() -> None:
    [bad] = Framer(100).feed(b"hello")
    assert isinstance(bad, BadRequest)
    assert bad.detail == "This isn't JSON: expected a JSON object or array."
    with pytest.raises(Lost, match="This is UTF-16; send UTF-8"):
        list(Framer(100).feed(b"\xff\xfe{\0"))
    with pytest.raises(Lost, match="belongs to API_PORT"):
        list(Framer(100).feed(b"POST /readings HTTP/1.1\r\n"))
    with pytest.raises(TooLarge, match="larger than 100 bytes"):
        list(Framer(100).feed(b"[" + b" " * 100))
