"""The pages for who carries on name only what there is: files, links, functions, classes, constants and tests."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "docs/architecture.md", *sorted((ROOT / "docs/decisions").glob("*.md"))]
SUFFIXES = "py|sql|mjs|js|html|css|md|toml|json|yml"
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
QUOTED = re.compile(r"`([^`\n]+)`")
PATH = re.compile(rf"[\w.*/-]+\.(?:{SUFFIXES})|[\w.-]+/(?:[\w.-]+/)*")
NAME = re.compile(r"(?:[A-Za-z_]\w*\.)*[A-Za-z_]\w*\(\)|_?[A-Z]+[a-z]\w*(?:\.\w+)?|_?[A-Z][A-Z0-9_]{2,}")
"""A function with its parentheses, a class or what belongs to it, or a constant."""
TEST = re.compile(r"test_\w+")
BLOCKS = re.compile(r"\n\s*\n|\n(?=\||- |\d+\. )")
"""Between two paragraphs, rows of a table, or items of a list."""


def faults(page: Path, text: str) -> Iterator[str]:
    """What the text of a page names and the repository doesn't have. A function, class or constant has to be in a file
    that the same paragraph, item or row names."""
    for drawing in FENCED.findall(text):
        named = re.findall(rf"[\w/]+/[\w.]+\.(?:{SUFFIXES})\b", drawing)
        yield from (path for path in named if not (files(path) or files(f"service/{path}")))
    text = FENCED.sub("", text)
    for target, heading in re.findall(r"\]\((?!https?:)([^)\s#]*)(#[^)\s]*)?\)", text):
        linked = page.parent / target if target else page
        if not linked.exists() or (heading and heading not in anchors(linked)):
            yield f"{target}{heading}"
    for block in BLOCKS.split(text):
        quoted = QUOTED.findall(block)
        paths = [one for one in quoted if PATH.fullmatch(one)]
        yield from (path for path in paths if not files(path))
        known = {name for path in paths for file in files(path) for name in defined(file)} | settings()
        for one in quoted:
            if (NAME.fullmatch(one) and one.removesuffix("()") not in known) or (
                TEST.fullmatch(one) and one not in names_of_tests()
            ):
                yield f"{one}, named beside {', '.join(paths) or 'no file'}"


def anchors(page: Path) -> list[str]:
    """The headings of a page, as links name them."""
    headings = re.findall(r"^#+ (.+)$", FENCED.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return ["#" + re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings]


@cache
def files(path: str) -> tuple[Path, ...]:
    """The files that a path or a pattern stands for; those of a folder where it ends in a slash."""
    pattern = f"{path}**/*" if path.endswith("/") else path
    return tuple(file for file in ROOT.glob(pattern) if file.is_file())


@cache
def defined(file: Path) -> frozenset[str]:
    """What a file defines; of one that isn't Python, every word in it."""
    if file.suffix not in (".py", ".sql", ".js", ".mjs"):
        return frozenset()
    text = file.read_text(encoding="utf-8")
    return frozenset(_names(ast.parse(text).body) if file.suffix == ".py" else re.findall(r"\w+", text))


def _names(body: list[ast.stmt]) -> Iterator[str]:
    for one in body:
        match one:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
                yield from _names(one.body)
            case ast.ClassDef(name=name):
                yield name
                for inner in _names(one.body):
                    yield from (inner, f"{name}.{inner}")
            case ast.Assign(targets=targets):
                yield from (inner.id for each in targets for inner in ast.walk(each) if isinstance(inner, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield name


@cache
def settings() -> frozenset[str]:
    """Every setting, which needs no file beside it."""
    return frozenset(re.findall(r"^#?([A-Z_]+)=", (ROOT / ".env.example").read_text(encoding="utf-8"), re.MULTILINE))


@cache
def names_of_tests() -> frozenset[str]:
    found = list((ROOT / "tests").rglob("test_*.py"))
    return frozenset({file.stem for file in found}.union(*(defined(file) for file in found)))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_a_page_names_is_there(page: Path) -> None:
    assert list(faults(page, page.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "text",
    [
        "`service/nowhere.py`",
        "`service/nowhere/`",
        "`service/nowhere/*.py`",
        "`nowhere.toml`",
        "[a page](nowhere.md#part)",
        "[a part](#nowhere)",
        "[a part of a page](../README.md#nowhere)",
        "```\nroutes/nowhere.py\n```",
        "`service/intake/writer.py` has `Writer.fly()`",
        "`service/intake/writer.py` has `fly()`",
        "`service/intake/writer.py` has `Flyer`",
        "`service/intake/writer.py` has `MAX_FLIGHT`",
        "`sql/functions/010_late_buckets.community.sql` has `fly()`",
        "`service/intake/writer.py`\n\n`Writer.offer()`",
        "- `service/intake/writer.py`\n- `Writer.offer()`",
        "| `service/intake/writer.py` |\n| `Writer.offer()` |",
        "`test_that_nobody_has_written`",
    ],
)
def test_what_is_not_there_is_found(text: str) -> None:
    assert len(list(faults(PAGES[0], text))) == 1


def test_every_decision_is_in_the_list() -> None:
    listed = (ROOT / "docs/decisions/README.md").read_text(encoding="utf-8")
    assert [page.name for page in PAGES[1:] if page.name != "README.md" and f"({page.name})" not in listed] == []
