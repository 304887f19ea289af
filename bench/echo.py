"""`python -m bench.echo PORT`: a WebSocket handler that only echoes, served in the same way as the service."""

import socket
import sys
from typing import Any

import uvicorn
from litestar import Litestar, WebSocket, websocket
from litestar.exceptions import WebSocketDisconnect

from service.run.server import listen


@websocket("/")
async def echo(socket: WebSocket[Any, Any, Any]) -> None:
    await socket.accept()
    try:
        while True:
            await socket.send_data(await socket.receive_data("text"), "text")
    except WebSocketDisconnect:
        return


def serve(sock: socket.socket) -> None:
    """Serve until a signal comes, with the settings of service/run/server.py."""
    config = uvicorn.Config(
        Litestar([echo], openapi_config=None, logging_config=None),
        http="httptools",
        ws="websockets-sansio",
        loop="uvloop",
        log_config=None,
        access_log=False,
        ws_per_message_deflate=False,
        ws_ping_interval=20,
        ws_ping_timeout=600,
        lifespan="off",
        server_header=False,
    )
    uvicorn.Server(config).run([sock])


if __name__ == "__main__":
    serve(listen("127.0.0.1", int(sys.argv[1])))
