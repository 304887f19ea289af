"""What tests of the store share."""

import shutil
from pathlib import Path

import pytest

from service.store.queries import sql_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the files that a test may change."""
    return Path(shutil.copytree(sql_folder(), tmp_path / "sql"))
