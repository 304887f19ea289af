"""docs/cli.md says what the commands say of themselves, and shells complete them."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from emitter.__main__ import commands as emitter
from service.__main__ import main as taktline

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/cli.md").read_text(encoding="utf-8")
BIN = Path(sys.executable).parent
SHOWN = dict(re.findall(r"^## (\w+(?: \w+)*)\n\n```text\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
PROGRAMS = {"taktline": taktline, "emitter": emitter}


def commands(name: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    yield name, command
    if isinstance(command, click.Group):
        for inner in command.commands:
            yield from commands(f"{name} {inner}", command.commands[inner])


ALL = dict(pair for name, root in PROGRAMS.items() for pair in commands(name, root))


def examples(command: click.Command) -> list[str]:
    """The lines of its help that are commands to type, without what is said about them."""
    lines = re.findall(r"^  (.+)$", command.epilog or "", re.MULTILINE)
    typed = (re.split(r" {2,}|\t", line)[0] for line in lines)
    return [line for line in typed if re.search(r"\b(taktline|emitter) \w", line) and not line.startswith("docker")]


def test_the_page_has_every_command() -> None:
    assert list(SHOWN) == list(ALL)


@pytest.mark.parametrize("name", ALL)
def test_the_page_says_what_a_command_says(name: str) -> None:
    program, *words = name.split()
    done = CliRunner().invoke(PROGRAMS[program], [*words, "--help"], prog_name=program, terminal_width=80)
    said = "".join(f"{line.rstrip()}\n" for line in done.output.splitlines())
    assert SHOWN[name] == said, "make cli writes it anew"


@pytest.mark.parametrize("name", ALL)
def test_the_help_of_a_command_has_examples(name: str) -> None:
    assert examples(ALL[name])


@pytest.mark.parametrize("line", [line for command in ALL.values() for line in examples(command)])
def test_an_example_can_be_parsed(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names and options of an example are those of the command; nothing is run."""
    monkeypatch.chdir(tmp_path)
    inner = re.search(r"\$\((.*)\)", line)
    words = shlex.split((inner[1] if inner else line).split(" | ")[-1 if "| emitter" in line else 0].split(" > ")[0])
    while "=" in words[0]:
        words.pop(0)
    program = words.pop(0)
    command: click.Command = PROGRAMS[program]
    for word in words:
        if word.endswith(".csv"):
            (tmp_path / word).touch()
    while isinstance(command, click.Group):
        command = command.commands[words.pop(0)]
    command.make_context(program, words)


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash here")
@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("taktline ke", {"keys"}),
        ("taktline keys ", {"add", "list", "revoke"}),
        ("taktline keys add me --scope ", {"read", "write", "correct", "admin"}),
        ("taktline share /chart --ex", {"--expires"}),
        ("emitter re", {"replay", "replace"}),
        ("emitter run --source ", {"random", "cpu"}),
    ],
)
def test_bash_completes(typed: str, offered: set[str]) -> None:
    program = typed.split()[0]
    words = " ".join(shlex.quote(word) for word in typed.split(" "))
    script = f"""
        eval "$({program} completion bash)"
        complete -p {program} >&2
        COMP_WORDS=({words}) COMP_CWORD={len(typed.split(" ")) - 1}
        _{program}_completion {program}
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    environment = {"PATH": f"{BIN}:{os.environ['PATH']}", "HOME": os.environ["HOME"], "LANG": "C.UTF-8"}
    done = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == offered
    assert f"_{program}_completion {program}" in done.stderr


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_get_their_script(program: str, shell: str) -> None:
    done = CliRunner().invoke(PROGRAMS[program], ["completion", shell], prog_name=program)
    assert done.exit_code == 0
    assert f"_{program.upper()}_COMPLETE={shell}_complete" in done.output
    assert program in done.output.splitlines()[0]


def test_a_shell_that_is_not_known_is_refused() -> None:
    done = CliRunner().invoke(taktline, ["completion", "csh"])
    assert done.exit_code == 2
    assert "'bash', 'zsh', 'fish'" in done.output
