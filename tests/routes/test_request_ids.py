"""A request has an id, in its answer and in each line that is logged for it."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from structlog.testing import LogCapture
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from service.store.inventory import Inventory
from tests.harness import Running
from tests.raw_http import talk

pytestmark = pytest.mark.anyio
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.fixture
def log() -> Iterator[LogCapture]:
    """What is logged, with what belongs to the request."""
    captured = LogCapture()
    before = structlog.get_config()
    structlog.configure(processors=[structlog.contextvars.merge_contextvars, captured], cache_logger_on_first_use=False)
    yield captured
    structlog.configure(**before)


async def answered(service: Running, path: str = "/livez", **headers: str) -> str:
    return (await service.http.get(path, headers=headers)).headers["X-Request-ID"]


async def test_every_answer_has_an_id_of_its_own(shared: Running) -> None:
    ids = [await answered(shared, path) for path in ("/livez", "/livez", "/nope", "/chart?x=1", "/display")]
    assert len(set(ids)) == len(ids)
    assert all(len(one) == 32 for one in ids)
    assert (await shared.http.head("/display")).headers["X-Request-ID"]
    assert (await shared.http.post("/write", content="nonsense")).headers["X-Request-ID"]


async def test_an_id_that_is_brought_along_is_taken(shared: Running) -> None:
    trace = f"00-{TRACE}-00f067aa0ba902b7-01"
    assert await answered(shared, **{"X-Request-ID": "abc 123/x"}) == "abc 123/x"
    assert await answered(shared, **{"X-Request-ID": "x" * 128}) == "x" * 128
    assert await answered(shared, traceparent=trace) == TRACE
    assert await answered(shared, **{"traceparent": trace, "X-Request-ID": "mine"}) == "mine"


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Request-ID": ""},
        {"X-Request-ID": "x" * 129},
        {"X-Request-ID": "a\tb"},
        {"X-Request-ID": "é"},
        {"traceparent": f"00-{'0' * 32}-00f067aa0ba902b7-01"},
        {"traceparent": TRACE},
        {"traceparent": f"00-{TRACE.upper()}-00f067aa0ba902b7-01"},
    ],
)
async def test_what_can_be_no_id_is_replaced(shared: Running, headers: dict[str, str]) -> None:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    answer = await shared.http.get("/livez", headers=raw)
    [made] = answer.headers.get_list("X-Request-ID")
    assert made not in (*headers.values(), TRACE, "0" * 32)
    assert len(made) == 32


async def test_a_handshake_has_one_whether_it_is_accepted_or_not(shared: Running) -> None:
    async with connect(shared.ws, additional_headers={"X-Request-ID": "socket"}) as socket:
        assert socket.response is not None
        assert socket.response.headers["X-Request-ID"] == "socket"
    with pytest.raises(InvalidStatus) as refused:
        async with connect(f"{shared.ws}nowhere", additional_headers={"X-Request-ID": "none"}):
            pass
    assert refused.value.response.headers["X-Request-ID"] == "none"


async def test_a_request_for_another_host_has_one(shared: Running) -> None:
    answer = await talk(shared, b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400")
    assert b"\r\nx-request-id: " in answer


async def test_what_nobody_expected_can_be_found_in_the_log(
    fresh: Running, log: LogCapture, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)

    def fail(_: Inventory) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(Inventory, "lacking", property(fail))
    answer = await fresh.http.get("/readyz", headers={"X-Request-ID": "wanted"})
    monkeypatch.undo()
    assert answer.status_code == 500
    problem = answer.json()
    assert problem["request_id"] == answer.headers["X-Request-ID"] == "wanted"
    assert "wanted" in problem["detail"]
    [line] = [one for one in log.entries if one["event"] == "unexpected error"]
    assert line["request_id"] == "wanted"
