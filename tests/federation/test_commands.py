"""What the commands say that need a database, where the settings are those of a view over several sites."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.anyio


def settings(folder: Path) -> dict[str, str]:
    return {
        **os.environ,
        "FEDERATE": "berlin=http://127.0.0.1:1",
        "TAKTLINE_DATA": str(folder / "data"),
        "DATABASE_URL": "",
        "API_PORT": "0",
    }


async def taktline(folder: Path, *arguments: str) -> tuple[int | None, str]:
    """The exit status, and what was said to people."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "service", *arguments), stderr=asyncio.subprocess.PIPE, env=settings(folder)
    )
    _, said = await process.communicate()
    return process.returncode, said.decode()


@pytest.mark.parametrize(
    ("command", "status"),
    [
        ("migrate", 1),
        ("migrate --check", 2),
        ("doctor", 2),
        ("keys list", 1),
        ("share /chart --key screens", 1),
        ("demo", 1),
    ],
)
async def test_a_view_has_no_database(tmp_path: Path, command: str, status: int) -> None:
    left, said = await taktline(tmp_path, *command.split())
    assert left == status
    assert "A view over several sites, FEDERATE, has no database; do this at a site" in said
    assert not (tmp_path / "data").exists()


async def test_a_view_says_what_it_does_when_it_is_told_to_stop(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "service", "run_server"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=settings(tmp_path),
    )
    assert process.stdout is not None
    async with asyncio.timeout(60):
        said = await process.stdout.readuntil(b"ready: a view of berlin")
        process.terminate()
        said += await process.stdout.read()
    assert await process.wait() == 0
    assert b"stopping: answering what was asked" in said
    assert b"commit" not in said
