"""The command line of the emitter."""

import click

from emitter.commands.fill import run_fill
from emitter.commands.options import Commands
from emitter.commands.replace import run_replace
from emitter.commands.replay import run_replay
from emitter.commands.run import run_live

ELSEWHERE = "The load generator isn't part of the emitter: in a checkout of the source, call python -m bench.load."


@click.group(cls=Commands, epilog=ELSEWHERE, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="taktline")
def commands() -> None:
    """Send readings to Taktline.

    Settings are read from the environment and from .env; an option on the command line overrides its setting.
    """


commands.add_command(run_live)
commands.add_command(run_fill)
commands.add_command(run_replay)
commands.add_command(run_replace)


def main() -> None:
    """The entry point of the console script."""
    commands(prog_name="emitter")


if __name__ == "__main__":
    main()
