"""Runs a command of the command line with the settings of this process."""

from collections.abc import Awaitable, Callable

from service.run.main_task import carry_out
from service.settings import Settings


def run(command: Callable[[Settings], Awaitable[int | None]], failed: Callable[[str], None] | None = None) -> None:
    """Run a command, which returns the exit status, None being 0. Where it can't do its work, print one sentence and
    exit with a status, unless `failed`, which is told the sentence, does so in another way."""
    carry_out(Settings.load, command, failed)
