"""Writes what the commands say of themselves into docs/cli.md: `make cli`."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
from click.testing import CliRunner

from emitter.__main__ import commands as emitter
from service.__main__ import main as taktline

PAGE = Path(__file__).with_name("cli.md")
SHOWN = re.compile(r"^## (\w+(?: \w+)*)\n\n```text\n(.*?)^```$", re.MULTILINE | re.DOTALL)
"""The name of a command, and its help."""
MARK = "<!-- the rest is written by make cli -->\n"


def all_commands(name: str, command: click.Command) -> Iterator[str]:
    """The name of a command, and of all those in it."""
    yield name
    if isinstance(command, click.Group):
        for inner in command.commands:
            yield from all_commands(f"{name} {inner}", command.commands[inner])


def said_by(name: str) -> str:
    """The help of a command, 80 characters wide."""
    program, *words = name.split()
    root = {"taktline": taktline, "emitter": emitter}[program]
    done = CliRunner().invoke(root, [*words, "--help"], prog_name=program, terminal_width=80)
    if done.exit_code:
        raise RuntimeError(done.output)
    return "".join(f"{line.rstrip()}\n" for line in done.output.splitlines())


def sections() -> Iterator[str]:
    for program, root in (("taktline", taktline), ("emitter", emitter)):
        for name in all_commands(program, root):
            yield f"\n## {name}\n\n```text\n{said_by(name)}```\n"


if __name__ == "__main__":
    before = PAGE.read_text(encoding="utf-8").split(MARK)[0]
    PAGE.write_text(before + MARK + "".join(sections()), encoding="utf-8")
