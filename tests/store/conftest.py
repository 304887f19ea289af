"""Fixtures for the tests of the store."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from service.store import Store, open_store
from service.store.migrate import migrate, search_path
from service.store.queries import sql_folder
from tests.conftest import Engine
from tests.harness import wait_for_names


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the SQL files, which a test may change."""
    return Path(shutil.copytree(sql_folder(), tmp_path / "sql"))


@pytest.fixture
async def store(engine: Engine, schema: str) -> AsyncIterator[Store]:
    """A store on a schema that was just made."""
    await migrate(engine.url, schema, engine.server, lambda _: None)
    async with open_store(engine.url, search_path(schema, engine.server), engine.server) as opened:
        wait_for_names(opened.series)
        yield opened
