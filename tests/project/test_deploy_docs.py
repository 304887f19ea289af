"""The pages about running it for good name every file that there is for it, and are all to be found."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs/deploy").glob("*.md"))
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
