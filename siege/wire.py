"""What attacks send, byte by byte: clients from libraries refuse to send most of it."""

import asyncio
import gzip
import socket
from collections.abc import Mapping

from siege.target import Target

PATIENCE = 60.0
"""Seconds after which an attack gives up waiting for its answer."""
ELSEWHERE = "127.0.0.2"
"""The address that attacks come from, another one of this machine's than that of the watch, since people behind one
address share a share."""
TEXT, BINARY, CONTINUATION, PING = 1, 2, 0, 9
"""Opcodes of WebSocket frames: https://www.rfc-editor.org/rfc/rfc6455#section-5.2."""
HANDSHAKE = (
    "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


def request(method: str, path: str, body: bytes = b"", fields: Mapping[str, str] | None = None) -> bytes:
    """The bytes of one HTTP request."""
    named = {"Host": "localhost", "Connection": "close", "Content-Length": str(len(body)), **(fields or {})}
    head = "".join(f"{name}: {value}\r\n" for name, value in named.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + body


def squeezed(text: bytes) -> bytes:
    """The text as gzip, quickly."""
    return gzip.compress(text, 1)


async def reach(target: Target, port: int = 0) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to the service, to its port for HTTP unless another one is given."""
    return await asyncio.open_connection(target.host, port or target.port, local_addr=(ELSEWHERE, 0))


async def ask(target: Target, sent: bytes) -> str:
    """Send bytes over a connection of their own, and return the status of the answer, or what else became of them."""
    reader, writer = await reach(target)
    try:
        async with asyncio.timeout(PATIENCE):
            sending = asyncio.create_task(_send(writer, sent))
            answer = await reader.read(64)
            sending.cancel()
            return answer.split(b" ")[1].decode() if answer.startswith(b"HTTP/") else "closed"
    except TimeoutError:
        return "no answer"
    except OSError:
        return "cut"
    finally:
        writer.close()


async def _send(writer: asyncio.StreamWriter, sent: bytes) -> None:
    writer.write(sent)
    await writer.drain()


def frame(opcode: int, content: bytes, *, last: bool = True) -> bytes:
    """One masked WebSocket frame."""
    size = len(content)
    length = bytes((0x80 | size,)) if size < 126 else b"\xfe" + size.to_bytes(2) if size < 2**16 else b""
    head = bytes((opcode | 0x80 * last,)) + (length or b"\xff" + size.to_bytes(8))
    return head + bytes(4) + content  # a mask of zeros changes nothing


async def converse(target: Target, sent: bytes, wait: float = PATIENCE) -> str:
    """Open a WebSocket, send bytes, and return the first answer's beginning, or what else became of them. `wait` is how
    long an answer is waited for."""
    reader, writer = await reach(target)
    try:
        writer.write(HANDSHAKE.encode())
        head = await reader.readuntil(b"\r\n\r\n")
        if b" 101 " not in head:
            return head.split(b" ")[1].decode()
        async with asyncio.timeout(wait):
            sending = asyncio.create_task(_send(writer, sent))
            start = await reader.read(2048)
            await asyncio.wait([sending])
            return _said(start)
    except TimeoutError:
        return "no answer"
    except (OSError, EOFError):
        return "cut"
    finally:
        writer.close()


def _said(start: bytes) -> str:
    """What a server's first frame says: its close code, or the beginning of its text."""
    if not start:
        return "closed"
    if start[0] & 0x0F == 8:
        return f"close {int.from_bytes(start[2:4])}"
    text = start[2 if start[1] < 126 else 4 if start[1] == 126 else 10 :]
    at = text.find(b'"status":')
    return text[at + 9 : at + 12].decode() if at >= 0 else "answered"


async def pour(target: Target, sent: bytes) -> str:
    """Send bytes to the port for plain TCP, until the service has read them all or has closed."""
    reader, writer = await reach(target, target.tcp_port)
    try:
        async with asyncio.timeout(PATIENCE):
            await _send(writer, sent)
            writer.write_eof()
            await reader.read()
            return "read"
    except TimeoutError:
        return "no answer"
    except OSError:
        return "cut"
    finally:
        writer.close()


async def hoard(
    target: Target, number: int, sent: bytes, wait: float, *, port: int | None = None, reads: bool = True
) -> str:
    """Open so many connections, send on each as much as it takes, keep them for `wait` seconds, and return how many
    were answered how."""
    answers = await asyncio.gather(*(_hold(target, port or target.port, sent, wait, reads) for _ in range(number)))
    return ", ".join(f"{answers.count(answer)} {answer}" for answer in sorted(set(answers)))


async def _hold(target: Target, port: int, sent: bytes, wait: float, reads: bool) -> str:
    with socket.socket() as sock:
        if not reads:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.setblocking(False)
        loop = asyncio.get_running_loop()
        answer = b""
        try:
            sock.bind((ELSEWHERE, 0))
            await loop.sock_connect(sock, (target.host, port))
            sending = asyncio.create_task(loop.sock_sendall(sock, sent))
            await asyncio.wait([sending], timeout=2 * wait)
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
            await asyncio.sleep(wait)
            answer = await asyncio.wait_for(loop.sock_recv(sock, 64), 0.1)
        except TimeoutError:
            return "held"
        except OSError:
            return "cut"
        if answer.startswith(b"HTTP/"):
            return answer.split(b" ")[1].decode()
        return "answered" if answer else "closed"
