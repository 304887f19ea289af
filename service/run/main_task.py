"""Runs one coroutine as all that a process does, and ends with one sentence where it can't do its work."""

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable

import click
import uvloop

from service.errors import StartError, TaktlineError
from service.run.logs import configure
from service.settings import Settings

INTERRUPTED = 130
"""The exit status of a process that was told to stop before it had begun its work."""


def carry_out(
    load: Callable[[], Settings],
    command: Callable[[Settings], Awaitable[int | None]],
    failed: Callable[[str], None] | None = None,
) -> None:
    """Run a command with the settings that are loaded. It returns the exit status of the process, None being 0; where
    it can't do its work, print one sentence and exit with a status, unless `failed`, which is told the sentence, does
    so in another way."""
    # Both signals end the start-up in the same orderly way; once the server runs, it handles them itself.
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        settings = load()
        configure("DEBUG" if settings.debug else settings.log_level, settings.log_format)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            status = runner.run(_awaited(command, settings))
    except TaktlineError as exc:
        if failed is not None:
            failed(exc.detail)
        click.echo(f"taktline: {exc.detail}", err=True)
        sys.exit(exc.exit_status if isinstance(exc, StartError) else 1)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    if status:
        sys.exit(status)


async def _awaited(command: Callable[[Settings], Awaitable[int | None]], settings: Settings) -> int | None:
    return await command(settings)
