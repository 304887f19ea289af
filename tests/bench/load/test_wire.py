"""Decoding of answers, and the transports beside WebSocket."""

from collections.abc import Iterator
from typing import Any

from bench.load.supply import Load, Supply
from bench.load.wire import HttpWire
from emitter.producer.answers import Duplicate, Written
from emitter.producer.link import Link


def answers(body: bytes) -> Iterator[Any]:
    """The answers that an HTTP wire reads from this response, which it receives byte by byte."""
    wire = HttpWire(Link(url="http://there/base"), "http-ndjson")
    supply = Supply(Load(batch=2, readings=2))
    supply.start()
    batch = supply.take()
    assert batch is not None
    request = wire.wrap(batch)
    assert request.startswith(b"POST /base/readings HTTP/1.1\r\nHost: there\r\n")
    assert b"\r\nIdempotency-Key: %b\r\n" % batch.id.encode() in request
    for number in range(len(body)):
        yield from wire.receive(body[number : number + 1])


def test_http_answers_are_read_in_pieces() -> None:
    ok = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b"
    written, duplicate = b'{"written":2,"duplicate":false}', b'{"written":0,"duplicate":true}'
    assert isinstance(next(answers(ok % (len(written), written))), Written)
    assert isinstance(next(answers(ok % (len(duplicate), duplicate))), Duplicate)
    assert next(answers(b"HTTP/1.1 204 No Content\r\n\r\n")).readings == 2
    busy = next(answers(b"HTTP/1.1 503 Busy\r\nRetry-After: 3\r\nContent-Length: 15\r\n\r\n" + b'{"detail":"no"}'))
    assert (busy.problem.status, busy.problem.detail, busy.problem.retry_after) == (503, "no", 3)
