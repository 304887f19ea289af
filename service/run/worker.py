"""A worker: one of several processes that are a service together. It is a whole service, whose
sockets its parent has bound: see service/run/workers.py."""

import os
import signal
import socket
from functools import partial

import msgspec
import structlog

from service.crew import joined
from service.run.boot import Shared, serving, settle
from service.run.lifecycle import leave
from service.run.main_task import carry_out
from service.settings import Settings

log = structlog.stdlib.get_logger("service")


class Post(msgspec.Struct, frozen=True):
    """What a worker is given: its number, whether it is the one that tells what the start comes to, the sockets for
    HTTP and for readings over TCP, and the one over which it talks to its parent."""

    number: int
    tells: bool
    http: socket.socket
    tcp: socket.socket | None
    parent: socket.socket


def work(settings: Settings, post: Post) -> None:
    """All that the process does."""
    os.setsid()  # Ctrl-C reaches every process of a terminal, but it is for the parent to end its workers
    structlog.contextvars.bind_contextvars(worker=post.number)
    carry_out(lambda: settings, partial(_serve, post=post))


async def _serve(settings: Settings, post: Post) -> None:
    say = log.info if post.tells else log.debug
    async with (
        joined(post.parent, partial(signal.raise_signal, signal.SIGTERM)) as crew,
        serving(settings, say, leave=leave, shared=Shared(post.http, post.tcp, crew)) as service,
    ):
        settle(service)
        crew.ready()
        await service.ended()
