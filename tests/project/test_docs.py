"""The documentation agrees with the code."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

from emitter.settings import EmitterSettings
from service.settings import Settings

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
SHARED = {"api_host", "api_port", "log_level"}
"""Settings of both service and emitter, which are only in the service's table."""


def row(name: str, field: FieldInfo) -> str:
    """The row of a setting in the README's table."""
    return f"| `{name.upper()}` | {shown_default(name, field)} | {field.description} |"


def shown_default(name: str, field: FieldInfo) -> str:
    is_size = name.endswith("_bytes") or name == "memory_limit"
    return f"`{field.default // 2**20}MiB`" if is_size else shown(field.default)


def shown(default: Any) -> str:
    match default:
        case None | "":
            return ""
        case _ if default is PydanticUndefined:
            return ""
        case bool():
            return f"`{str(default).lower()}`"
        case timedelta():
            return f"`{duration(default)}`"
        case datetime():
            return f"`{default:%Y-%m-%dT%H:%M:%SZ}`"
        case float():
            return f"`{default:g}`"
        case _:
            return f"`{default}`"


def duration(value: timedelta) -> str:
    seconds = value.total_seconds()
    size, unit = next(
        (size, unit) for size, unit in ((86400, "d"), (3600, "h"), (60, "m"), (1, "s")) if not seconds % size
    )
    return f"{seconds / size:g}{unit}"


def settings() -> Iterator[tuple[str, FieldInfo]]:
    yield from Settings.model_fields.items()
    yield from ((name, field) for name, field in EmitterSettings.model_fields.items() if name not in SHARED)


@pytest.mark.parametrize(("name", "field"), list(settings()), ids=lambda value: value if isinstance(value, str) else "")
def test_every_setting_is_in_the_readme(name: str, field: FieldInfo) -> None:
    assert field.description, name
    assert row(name, field) in README.splitlines()


def test_the_readme_has_no_setting_that_is_gone() -> None:
    listed = set(re.findall(r"^\| `([A-Z_]+)` \|", README, re.MULTILINE))
    assert listed == {name.upper() for name, _ in settings()}


def test_the_example_environment_has_every_setting() -> None:
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    for name, field in settings():
        default = shown_default(name, field).strip("`")
        assert f"# {(field.description or '').replace('`', '')}\n#{name.upper()}={default}\n" in text


def test_every_dependency_has_its_line_of_why() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    block = re.search(r"^dependencies = \[(.*?)^\]", project, re.MULTILINE | re.DOTALL)
    assert block
    for name in re.findall(r'"([a-z0-9-]+)', block[1]):
        assert re.search(rf"^\|.*`{re.escape(name)}`.*\|.+\|$", README, re.MULTILINE), name


def test_links_and_pictures_of_the_readme_exist() -> None:
    for target in re.findall(r"\]\((?!https?:|#)([^)\s]+)\)", README):
        assert (ROOT / target.split("#")[0]).exists(), target


def anchors(page: Path) -> set[str]:
    """The anchors of its headings, as GitHub makes them."""
    bare = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.*)$", bare, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_headings_that_exist(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)\s]*#[^)\s]+)\)", page.read_text(encoding="utf-8")):
        path, _, anchor = target.partition("#")
        other = (page.parent / path).resolve() if path else page
        assert other.suffix != ".md" or anchor in anchors(other), target


def test_each_threat_names_tests_that_exist() -> None:
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    threats = [
        row.split(" | ") for row in text.splitlines() if row.startswith("| ") and not row.startswith("| who could")
    ]
    assert len(threats) > 30
    for threat, _, tests in threats:
        named = re.findall(r"`(tests/\S+)`", tests)
        assert named, threat
        assert all((ROOT / each).is_file() for each in named), named


def test_nothing_read_from_the_environment_but_the_settings() -> None:
    for path in [*ROOT.glob("service/**/*.py"), *ROOT.glob("emitter/**/*.py")]:
        if path.name in ("settings.py", "demo.py"):
            continue
        assert "os.environ" not in path.read_text(encoding="utf-8"), path


def test_every_setting_is_checked() -> None:
    """Of two checks with one name, in classes of which the settings are made up, the second would take the first one's
    place."""
    parts = [one for one in Settings.__mro__ if one.__module__.startswith("service.settings.")]
    checks = [name for one in parts for name in one.__pydantic_decorators__.field_validators]  # type: ignore[attr-defined]
    assert len(parts) > 5
    assert sorted(checks) == sorted(Settings.__pydantic_decorators__.field_validators)


def test_settings_are_settings() -> None:
    assert issubclass(Settings, BaseSettings)
    assert issubclass(EmitterSettings, BaseSettings)
