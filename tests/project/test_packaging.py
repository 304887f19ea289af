"""The wheel contains everything that the service and the emitter need, and has the only version that there is."""

import re
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parents[2]


VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]


def tracked_files() -> list[str]:
    return subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()


def test_the_wheel_holds_code_sql_pages_and_engine(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    [wheel] = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())
    tracked = tracked_files()
    wanted = {path for path in tracked if path.startswith(("service/", "emitter/"))}
    wanted |= {f"service/{path}" for path in tracked if path.startswith("sql/")}
    assert wanted - inside == set()
    assert {path.split("/")[0] for path in inside} == {
        "service",
        "emitter",
        wheel.name.replace("-py3-none-any.whl", ".dist-info"),
    }
    assert not [path for path in inside if "node_modules" in path or "__pycache__" in path]
    assert "service/engine/package-lock.json" in inside or not tracked


def test_a_wheel_made_of_the_source_distribution_is_the_same(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "--directory", str(tmp_path)]
    subprocess.run([*build, "--target", "wheel"], cwd=ROOT, check=True, capture_output=True)
    subprocess.run([*build, "--target", "sdist"], cwd=ROOT, check=True, capture_output=True)
    [direct] = tmp_path.glob("*.whl")
    [source] = tmp_path.glob("*.tar.gz")
    subprocess.run(["tar", "-xf", source], cwd=tmp_path, check=True)  # Python's own is another thing in each version
    [unpacked] = [path for path in tmp_path.iterdir() if path.is_dir()]
    over = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path / "again")]
    subprocess.run(over, cwd=unpacked, check=True, capture_output=True)
    [again] = (tmp_path / "again").glob("*.whl")
    with zipfile.ZipFile(direct) as one, zipfile.ZipFile(again) as other:
        assert [(each.filename, each.CRC) for each in one.infolist()] == [
            (each.filename, each.CRC) for each in other.infolist()
        ]
    assert not [path for path in unpacked.rglob("*") if path.name in ("tests", "docs", ".env", ".venv", ".taktline")]


def test_the_version_stands_in_one_place() -> None:
    kinds = (".py", ".toml", ".yml", ".yaml", ".conf", ".service", ".md", ".html", ".js", ".mjs")
    history = {"CHANGELOG.md"}
    written = re.compile(rf"(?<![\d.]){re.escape(VERSION)}(?![\d.])")
    named = [
        path
        for path in tracked_files()
        if (path.endswith(kinds) or path in ("Dockerfile", "Makefile"))
        and path not in history
        and not path.startswith("tests/")
        and written.search((ROOT / path).read_text(encoding="utf-8"))
    ]
    assert named in (["pyproject.toml"], [])  # nothing is tracked outside of a checkout
    assert version("taktline") == VERSION


def test_the_version_is_the_last_of_the_changelog() -> None:
    """Once there is a release: then what follows it is unreleased."""
    headings = re.findall(r"^## \[([^]]+)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert headings[0] in ("Unreleased", VERSION)
    assert headings[1:2] in ([], [VERSION]) or headings[0] == VERSION
