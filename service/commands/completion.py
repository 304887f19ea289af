"""`taktline completion`: what a shell reads to complete this command line."""

import click
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete

SHELLS: dict[str, type[ShellComplete]] = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}

PLACES = """\b
Examples:
  eval "$(taktline completion bash)"     for this shell; in ~/.bashrc for each
  eval "$(taktline completion zsh)"      the same, in ~/.zshrc
  taktline completion fish > ~/.config/fish/completions/taktline.fish
"""


@click.command(epilog=PLACES, short_help="Print what a shell completes commands by.")
@click.argument("shell", type=click.Choice(list(SHELLS)))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print what completes taktline's commands and options in SHELL, by the tab key."""
    click.echo(SHELLS[shell](ctx.find_root().command, {}, "taktline", "_TAKTLINE_COMPLETE").source())
