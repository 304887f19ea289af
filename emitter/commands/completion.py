"""`emitter completion`: what a shell reads to complete this command line."""

import click
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete

SHELLS: dict[str, type[ShellComplete]] = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}

PLACES = """\b
Examples:
  eval "$(emitter completion bash)"     for this shell; in ~/.bashrc for each
  eval "$(emitter completion zsh)"      the same, in ~/.zshrc
  emitter completion fish > ~/.config/fish/completions/emitter.fish
"""


@click.command("completion", epilog=PLACES, short_help="Print what a shell completes commands by.")
@click.argument("shell", type=click.Choice(list(SHELLS)))
@click.pass_context
def run_completion(ctx: click.Context, shell: str) -> None:
    """Print what completes the emitter's commands and options in SHELL, by the tab key."""
    click.echo(SHELLS[shell](ctx.find_root().command, {}, "emitter", "_EMITTER_COMPLETE").source())
