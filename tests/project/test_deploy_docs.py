"""The pages about running it for good name every file that there is for it, and are all to be found."""

import asyncio
import re
import sys
from asyncio.subprocess import PIPE
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from tests.conftest import Engine

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs/deploy").glob("*.md"))
PAGES_INDEX = ROOT / "docs/deploy/README.md"
FILES = sorted(path for path in (ROOT / "deploy").rglob("*") if path.is_file())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_of_a_page_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|#)([^)\s]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target.split("#")[0]).exists(), target


def test_every_page_is_in_the_index_and_the_index_in_the_readme() -> None:
    index = (ROOT / "docs/deploy/README.md").read_text(encoding="utf-8")
    assert {page.name for page in PAGES} - set(re.findall(r"\]\(([^)/#]+\.md)\)", index)) == {"README.md"}
    assert "](docs/deploy/README.md)" in (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_file_is_explained(file: Path) -> None:
    told = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert f"(../../{file.relative_to(ROOT)})" in told


@pytest.mark.anyio
async def test_a_database_made_as_described_is_enough(engine: Engine, schema: str) -> None:
    """The statements run one after the other as a superuser, and the role can do what a start does."""
    if engine.server.embedded:
        pytest.skip("the embedded engine has one database and one role")
    [block] = re.findall(r"^```sql\n(.*?)^```", PAGES_INDEX.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    before, _, after = re.sub(r"\btaktline\b", schema, block).partition(f"\\connect {schema}\n")
    server = urlsplit(engine.url)
    own = urlunsplit(server._replace(path=f"/{schema}"))
    try:
        for url, statements in ((engine.url, before), (own, after)):
            con = await asyncpg.connect(url)
            for statement in statements.split(";\n")[:-1]:
                await con.execute(statement)
            await con.close()
        _, _, place = server.netloc.rpartition("@")
        as_role = urlunsplit(server._replace(netloc=f"{schema}@{place}", path=f"/{schema}"))
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "service", "migrate"),
            env={"DATABASE_URL": as_role, "DATABASE_PASSWORD": "…"},
            stdout=PIPE,
            stderr=PIPE,
        )
        said = b"".join(await process.communicate()).decode()
        assert process.returncode == 0, said
    finally:
        con = await asyncpg.connect(engine.url)
        await con.execute(f'drop database if exists "{schema}" with (force)')
        await con.execute(f'drop role if exists "{schema}"')
        await con.close()
