"""Runs a command of the command line: loads the settings, sets up the log, and ends with one sentence where the command
can't do its work."""

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable

import click
import uvloop

from service.errors import StartError, TaktlineError
from service.run.logs import configure
from service.settings import Settings


def run(command: Callable[[Settings], Awaitable[None]], failed: Callable[[str], None] | None = None) -> None:
    """Run a command. Where it can't do its work, print one sentence and exit with a status, unless `failed`, which is
    told the sentence, does so in another way."""
    # Both signals end the start-up in the same orderly way; once the server runs, it handles them itself.
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        settings = Settings.load()
        configure("DEBUG" if settings.debug else settings.log_level, settings.log_format)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_awaited(command, settings))
    except TaktlineError as exc:
        if failed is not None:
            failed(exc.detail)
        click.echo(f"taktline: {exc.detail}", err=True)
        sys.exit(exc.exit_status if isinstance(exc, StartError) else 1)
    except KeyboardInterrupt:
        sys.exit(130)


async def _awaited(command: Callable[[Settings], Awaitable[None]], settings: Settings) -> None:
    await command(settings)
