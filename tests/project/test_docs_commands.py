"""Every command in the README and the docs runs unchanged, and prints what is shown there."""

import asyncio
import os
import re
import shlex
import shutil
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from tests.harness import Running

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[2]
DOCS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "docs/deploy").glob("*.md"))]
BIN = Path(sys.executable).parent
ANYWHERE = {"make", "docker", "curl", "printf", "python3", "kubectl", "sudo", "export"}
"""Commands that machines have, or that the text requires. All other commands have to be given with their path."""
SHORTER = {"--connections 64 --seconds 10": "--connections 2 --seconds 1", "emitter run": "emitter run --count 1"}
"""Replacements for commands that would take long or never end."""


class Command(msgspec.Struct, frozen=True):
    """A command in a shell block, its input, and its output as far as that is shown."""

    line: str
    typed: list[str] = []
    shown: list[str] = []


def commands(path: Path) -> list[Command]:
    found: list[Command] = []
    for block in re.findall(r"^```sh\n(.*?)^```", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
        session = block.startswith("$ ")
        for line in block.splitlines():
            if line.startswith("$ ") or not session:
                found.append(Command(line.removeprefix("$ "), [], []))
            elif line.startswith("> "):
                found[-1].typed.append(line.removeprefix("> "))
            else:
                found[-1].shown.append(line)
    return found


ALL = [pytest.param(command, id=f"{path.name}: {command.line[:40]}") for path in DOCS for command in commands(path)]


def words_of(line: str) -> list[str]:
    return shlex.split(line, comments=True)


@pytest.mark.parametrize("command", ALL)
def test_every_command_is_there_after_make(command: Command) -> None:
    first, *words = words_of(command.line)
    if first == "make":
        assert re.search(rf"^{re.escape(words[0])}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
    elif first not in ANYWHERE:
        assert re.match(r"(\.venv|~/taktline)/bin/", first), f"{first} isn't on the PATH of a bare machine"
        assert (BIN / Path(first).name).exists()


def test_commands_in_running_text_are_named_by_their_place() -> None:
    """A name at the beginning of inline code is a command to type, unless the text is only about it."""
    for path in DOCS:
        for block in re.findall(r"^```sh\n(.*?)^```", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
            assert not re.search(r"^(\$ )?(emitter|taktline|python) ", block, re.MULTILINE), path.name
        assert "`python -m" not in path.read_text(encoding="utf-8"), path.name


async def run(line: str, typed: Sequence[str], service: Running, folder: Path) -> str:
    address = service.url.removeprefix("http://")
    for long, short in SHORTER.items():
        line = line.replace(long, short)
    line = line.replace("localhost:8080", address).replace(".venv/bin", shlex.quote(str(BIN)))
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "EMITTER_URL": service.ws, "PYTHONUNBUFFERED": "1"}
    process = await asyncio.create_subprocess_shell(
        line, cwd=folder, env=environment | {"PYTHONPATH": str(ROOT)}, stdin=PIPE, stdout=PIPE, stderr=STDOUT
    )
    assert process.stdin is not None
    assert process.stdout is not None
    said = b""
    async with asyncio.timeout(60):
        if typed:
            process.stdin.write("".join(f"{text}\n" for text in typed).encode())
            said = await process.stdout.readuntil(b"< ")  # the answer has to be there before the input ends
        process.stdin.close()
        rest, _ = await process.communicate()
    assert process.returncode == 0, (said + rest).decode()
    return re.sub(r"\x1b(?:\[[0-9]*[A-Z]|[78])", "", (said + rest).decode())


def without_times(text: str) -> str:
    return re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME", text)


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl here")
async def test_the_readme_shows_what_is_answered(fresh: Running, tmp_path: Path) -> None:
    session = [command for command in commands(ROOT / "README.md") if command.shown]
    assert len(session) >= 4
    for command in session:
        said = await run(command.line.replace("curl ", "curl -sS "), command.typed, fresh, tmp_path)
        for line in command.shown:
            assert without_times(line) in without_times(said), command.line


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl here")
async def test_the_checks_of_the_docs_answer_as_shown(fresh: Running, tmp_path: Path) -> None:
    all_of = commands(ROOT / "docs" / "alerts.md")
    assert len(all_of) >= 5
    for command in all_of:
        said = await run(command.line.replace("curl ", "curl -sS "), (), fresh, tmp_path)
        for line in command.shown:
            assert line in said, command.line
    told = [
        (await run(command.line, (), fresh, tmp_path)).splitlines()[-1] for command in all_of if "echo" in command.line
    ]
    assert told == ["line 1 keeps up", "line 1 is silent"]


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl here")
async def test_the_day_goes_as_it_is_told(fresh: Running, tmp_path: Path) -> None:
    day = commands(ROOT / "docs" / "day.md")
    assert len(day) >= 15
    for command in day:
        said = await run(command.line.replace("curl ", "curl -sS "), (), fresh, tmp_path)
        for line in command.shown:
            assert line in said, command.line
    assert (tmp_path / "shift.png").read_bytes().startswith(b"\x89PNG")


async def test_the_emitters_commands_run(fresh: Running, tmp_path: Path) -> None:
    lines = [
        command.line
        for command in commands(ROOT / "README.md")
        if re.search("/emitter|bench.load|printf", command.line)
    ]
    assert len(lines) >= 6
    for line in lines:
        await run(line, (), fresh, tmp_path)
