"""The proxy of the chaos runs: what it does to a connection ends that connection, and nothing else."""

import asyncio
import gc

import pytest

from chaos.proxy import proxy

pytestmark = pytest.mark.anyio


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(100):
        writer.write(chunk)
    writer.close()


async def test_a_connection_that_is_cut_while_data_is_held_back_ends_quietly() -> None:
    """Both of its ends are closed by the time the data may flow again."""
    server = await asyncio.start_server(_echo, "127.0.0.1", 0)
    async with server, proxy(*server.sockets[0].getsockname()) as between:
        reader, writer = await asyncio.open_connection("127.0.0.1", between.port)
        writer.write(b"first")
        assert await reader.readexactly(5) == b"first"
        between.stall()
        writer.write(b"held back")
        await asyncio.sleep(0.1)  # until the proxy has read it
        assert between.cut() == 1
        assert await reader.read() == b""
        between.resume()
        await asyncio.sleep(0.1)  # until the proxy is done with it
        gc.collect()  # only then is it told that a task ended with an error nobody asked for
        writer.close()
