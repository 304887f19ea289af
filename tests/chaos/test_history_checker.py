"""A short run of the history checker on the engine of the tests; `make chaos` runs it for longer."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path

import pytest

from tests.conftest import Engine, cache

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(180)
async def test_every_promise_is_kept_while_everything_fails(engine: Engine, tmp_path: Path) -> None:
    """If the tests use the embedded engine, the service starts one of its own here, so that it can be killed and
    paused."""
    command = ["--seconds", "15", "--seed", "7", "--keep", str(tmp_path), "--cache", str(cache())]
    if not engine.server.embedded:
        command += ["--database-url", engine.url]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "chaos", *command, cwd=ROOT, env={**os.environ}, stdout=PIPE, stderr=STDOUT
    )
    try:
        out, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0, out.decode()
    assert "| violations | 0 |" in out.decode()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--ha"], "--ha needs --root, a Debian root"),
        (["--ha", "--root", "{}"], "{} has no usr/bin/patroni, usr/bin/etcd, "),
    ],
)
async def test_a_cluster_needs_a_root_with_its_programs(tmp_path: Path, options: list[str], said: str) -> None:
    command = [option.format(tmp_path) for option in options]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "chaos", *command, cwd=ROOT, stdout=PIPE, stderr=STDOUT
    )
    out, _ = await process.communicate()
    assert process.returncode == 2
    assert said.format(tmp_path) in out.decode()
