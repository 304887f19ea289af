"""The README's example runs unchanged, and docs/emitter.md names everything that there is."""

import asyncio
import os
import re
import sys
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path

import pytest

import emitter.producer
from emitter.producer import ProducerError
from emitter.producer.spool import Spool
from tests.harness import Running

ROOT = Path(__file__).parents[3]


def examples(path: str) -> list[str]:
    text = (ROOT / path).read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


@pytest.mark.anyio
async def test_the_readmes_example_writes_its_readings(fresh: Running, tmp_path: Path) -> None:
    [example] = examples("README.md")
    assert len([line for line in example.splitlines() if line]) <= 10
    code = example.replace("ws://localhost:8080/", fresh.ws)
    assert code != example
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code), cwd=tmp_path, env=environment, stdout=PIPE, stderr=STDOUT
    )
    said, _ = await process.communicate()
    assert (process.returncode, said.decode()) == (0, "")
    answer = await fresh.http.get("/readings", params={"series": "line 1", "format": "csv"})
    assert [line.split(",")[2:4] for line in answer.text.splitlines()[1:]] == [["40", "38"], ["40", "41"], ["40", "40"]]
    with Spool(tmp_path / "readings.sqlite", 1000) as spool:
        assert (spool.batches, spool.refused()) == (0, [])


def test_the_example_of_the_docs_is_python_that_imports_what_there_is() -> None:
    [example] = examples("docs/emitter.md")
    defined: dict[str, object] = {}
    exec(compile(example, "docs/emitter.md", "exec"), defined)
    assert "report" in defined


def test_every_error_is_documented() -> None:
    text = (ROOT / "docs/emitter.md").read_text(encoding="utf-8")
    errors = {
        name
        for name in emitter.producer.__all__
        if isinstance(kind := getattr(emitter.producer, name), type) and issubclass(kind, ProducerError)
    }
    assert set(re.findall(r"^\| `([A-Z][A-Za-z]+)` \|", text, re.MULTILINE)) == errors - {"ProducerError"}
