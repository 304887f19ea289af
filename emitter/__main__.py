"""The command line of the emitter: joins the commands."""

import click

from emitter.bench import run_bench
from emitter.fill import run_fill
from emitter.live import run_live
from emitter.options import Commands
from emitter.replay import run_replay


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="taktline")
def commands() -> None:
    """Send readings to Taktline.

    Settings are read from the environment and from .env; an option on the command line overrides its setting.
    """


commands.add_command(run_live)
commands.add_command(run_fill)
commands.add_command(run_replay)
commands.add_command(run_bench)


def main() -> None:
    """The console script."""
    commands(prog_name="emitter")


if __name__ == "__main__":
    main()
