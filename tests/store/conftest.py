"""Fixtures for the tests of the store."""

import shutil
from pathlib import Path

import pytest

from service.store.queries import sql_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the SQL files, which a test may change."""
    return Path(shutil.copytree(sql_folder(), tmp_path / "sql"))
