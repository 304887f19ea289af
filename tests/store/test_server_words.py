"""What is said of errors that aren't the server's own."""

import asyncio

import asyncpg
import pytest

from service.store.server_words import in_words
from tests.harness import free_port

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ConnectionRefusedError(111, "Connection refused"), "Connection refused"),
        (OSError(111, "Connect call failed ('127.0.0.1', 5432)"), "Connection refused"),
        (
            OSError(
                "Multiple exceptions: [Errno 111] Connect call failed ('::1', 1, 0, 0), "
                "[Errno 111] Connect call failed ('127.0.0.1', 1)"
            ),
            "Connection refused",
        ),
        (OSError(-2, "Name or service not known"), "Name or service not known"),
        (OSError("something else."), "something else"),
        (ConnectionError("unexpected connection_lost() call"), "the connection was lost"),
        (
            asyncpg.InternalClientError("cannot switch to state 12; another operation (2) is in progress"),
            "the server has ended the connection",
        ),
        (asyncpg.InterfaceError("pool is closing"), "pool is closing"),
    ],
)
def test_numbers_and_states_are_left_out(error: BaseException, words: str) -> None:
    assert in_words(error) == words


async def test_a_port_where_nobody_listens_refuses() -> None:
    """As the driver says it, by the event loop in use."""
    with pytest.raises(OSError) as refused:
        async with asyncio.timeout(10):
            await asyncpg.connect(host="localhost", port=free_port(), user="nobody", database="nothing")
    assert in_words(refused.value) == "Connection refused"
