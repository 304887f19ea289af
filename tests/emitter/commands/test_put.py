"""What `emitter replace` says of whatever answers in the place of a service."""

import asyncio
import re
import time
from pathlib import Path

import pytest

from tests.emitters import Emitters

pytestmark = pytest.mark.anyio

START = int(time.time()) // 3600 * 3600 - 24 * 3600


async def replace_at(
    said: bytes, wait: str, emitters: Emitters, folder: Path, path: str = "", after: float = 0
) -> tuple[int, str, str, str]:
    """Runs the command at a server that answers each request so, `after` seconds. Returns what the command says, and
    the address; in the folder's file `asked` are the heads of the requests."""
    (folder / "plan.csv").write_text(f"ts,series,plan\n{START},saw,1\n")

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if length := re.search(rb"(?i)content-length: (\d+)", head):  # what isn't read would reset the connection
            await reader.readexactly(int(length[1]))
        with (folder / "asked").open("ab") as asked:
            asked.write(head)
        await asyncio.sleep(after)
        writer.write(said)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/{path}"
        status, output, log = await emitters.emit("replace", "plan.csv", "--url", url, "--wait", wait)
    return status, output, log, url


def response(status: str, body: bytes, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (response("200 OK", b"<html>It works!</html>"), "what answers at {url} isn't a Taktline (HTTP 200 OK)"),
        (response("200 OK", b'{"written": "1"}'), "what answers at {url} isn't a Taktline (HTTP 200 OK)"),
        (
            response("301 Moved", b"", "Location: https://u:pw@there.example/readings?series=saw"),
            "what answers at {url} leads to https://there.example/readings: give the address to which it leads",
        ),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\ngone", "The service refuses this: 404 Not Found"),
        (response("400 \x1b[2J\x9b31m", b""), r"The service refuses this: 400 \x1b[2J\x9b31m"),
    ],
)
async def test_what_will_be_the_same_next_time_ends_it(
    said: bytes, told: str, emitters: Emitters, tmp_path: Path
) -> None:
    status, output, log, url = await replace_at(said, "30s", emitters, tmp_path)
    assert (status, output, log) == (1, "", f"Error: saw: {told.format(url=url)}.\n")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (b"", "the connection was closed without an answer (is it the port of the service?)"),
        (b"SSH-2.0-OpenSSH\r\n", "what answers there isn't a WebSocket service, but says 'SSH-2.0-OpenSSH'"),
        (b"x" * 70_000, "what answers there sends longer lines than a service does"),
        (b"\x1b[2J\x9b31m\r\n", "what answers there isn't a WebSocket service"),
        (b"\x15\x03\x03\x00\x02\x02\x46", "what answers there speaks TLS (is the address wss:// or https://?)"),
    ],
)
async def test_it_is_said_once_why_it_waits(said: bytes, told: str, emitters: Emitters, tmp_path: Path) -> None:
    status, output, log, url = await replace_at(said, "2s", emitters, tmp_path)
    reason = f"{url} doesn't answer: {told}"
    waits, end = log.splitlines()
    assert (status, output) == (1, "")
    assert waits.endswith(f" [warning  ] {reason}; trying again for up to 2 s")
    assert end == f"Error: saw: {reason}."


async def test_an_address_may_have_any_path(emitters: Emitters, tmp_path: Path) -> None:
    """As behind a proxy; what is quoted already isn't quoted again."""
    said = response("400 Bad Request", b"")
    _, _, log, _ = await replace_at(said, "0s", emitters, tmp_path, "hall ü/a%20b/ws")
    assert log == "Error: saw: The service refuses this: 400 Bad Request.\n"
    assert (tmp_path / "asked").read_bytes().startswith(b"PUT /hall%20%C3%BC/a%20b/readings?series=saw&")


async def test_a_wait_that_no_number_says_is_no_traceback(emitters: Emitters, tmp_path: Path) -> None:
    said = response("503 Service Unavailable", b"", "Retry-After: \xb2")
    status, _, log, _ = await replace_at(said, "0s", emitters, tmp_path)
    assert (status, log) == (1, "Error: saw: 503 Service Unavailable.\n")


async def test_an_answer_that_takes_long_is_told_of(emitters: Emitters, tmp_path: Path) -> None:
    answer = response("200 OK", b'{"removed": 1, "changed": 0, "written": 1}')
    status, output, log, url = await replace_at(answer, "30s", emitters, tmp_path, after=6)
    assert (status, output) == (0, "saw: 1 reading in the place of 1\n")
    assert log.rstrip().endswith(f" [warning  ] {url} hasn't answered yet; waiting for up to 90 s")
    assert len(log.splitlines()) == 1
