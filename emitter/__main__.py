"""The command line of the emitter."""

import click

from emitter.commands.completion import run_completion
from emitter.commands.fill import run_fill
from emitter.commands.options import Commands
from emitter.commands.replace import run_replace
from emitter.commands.replay import run_replay
from emitter.commands.run import run_live

MORE = """\b
To begin with:
  emitter run                     a random pair each 10 s, to localhost:8080
  emitter fill --from -1d         a day of test data
  emitter replay readings.csv     what is in a file already

\b
Exit status:
  0    all is written, or it was stopped as it was told
  1    it can't be done: the sentence on the standard error says why
  2    the command line can't be understood
  77   the service refuses this producer: it needs another key

The load generator isn't part of the emitter: in a checkout of the source, call python -m bench.load.
"""


@click.group(cls=Commands, epilog=MORE, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="taktline")
def commands() -> None:
    """Send readings to Taktline.

    Settings are read from the environment and from .env; an option on the command line overrides its setting.
    """


commands.add_command(run_live)
commands.add_command(run_fill)
commands.add_command(run_replay)
commands.add_command(run_replace)
commands.add_command(run_completion)


def main() -> None:
    """The entry point of the console script."""
    commands(prog_name="emitter")


if __name__ == "__main__":
    main()
