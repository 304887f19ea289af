"""The fixtures of all tests. Their database is that of TEST_DATABASE_URL, otherwise one in a container, otherwise the
embedded engine; TEST_ENGINE chooses one of these."""

import os
import socket
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import docker
import pytest
from docker.constants import IS_WINDOWS_PLATFORM
from docker.utils import kwargs_from_env, parse_host
from testcontainers.community.postgres import PostgresContainer

from service.engine.embedded import embedded
from service.settings import Settings
from service.store import Store
from service.store.conflicts import insist
from service.store.database import DatabaseServer, inspect
from tests.browsing import browser as browser  # a fixture
from tests.examples import register_profiles
from tests.harness import Running, running

IMAGE = "timescale/timescaledb:2.29.2-pg17"
ENGINES = ("url", "docker", "embedded")
USED = pytest.StashKey[str]()

register_profiles()  # before tests make settings of their own, and before an option chooses another profile


@dataclass(frozen=True)
class Engine:
    """A database server for the tests."""

    url: str
    server: DatabaseServer


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"use_uvloop": True}


@pytest.fixture(scope="session", autouse=True)
def _no_settings_of_this_machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the settings of this machine away from the tests."""
    with pytest.MonkeyPatch.context() as patch:
        for name in Settings.model_fields:
            if name != "taktline_cache":
                patch.delenv(name.upper(), raising=False)
        patch.chdir(tmp_path_factory.mktemp("cwd"))
        yield


@pytest.fixture(scope="session")
async def engine(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> AsyncIterator[Engine]:
    """One server for the whole run, in which each test can have a schema of its own."""
    kind = _choose()
    async with _start(kind, tmp_path_factory) as url:
        server = await inspect(url)
        request.config.stash[USED] = f"{server.describe()} ({kind})"
        yield Engine(url, server)


def _choose() -> str:
    kind = os.environ.get("TEST_ENGINE", "")
    if kind and kind not in ENGINES:
        raise pytest.UsageError(f"TEST_ENGINE={kind}: allowed are {', '.join(ENGINES)}")
    if kind:
        return kind
    if os.environ.get("TEST_DATABASE_URL"):
        return "url"
    return "docker" if docker_answers() else "embedded"


def docker_answers() -> bool:
    """Whether Docker is there and has the image, or can pull it."""
    if not _docker_listens():
        return False
    try:
        client = docker.from_env(timeout=3)
    except docker.errors.DockerException:
        return False
    try:
        client.images.get(os.environ.get("TIMESCALEDB_IMAGE", IMAGE))
    except docker.errors.ImageNotFound:
        return _can_pull(client)
    except docker.errors.DockerException:
        return False
    finally:
        client.close()
    return True


def _docker_listens() -> bool:
    """Whether Docker's socket accepts connections. This is tried first because Docker's client never closes a socket
    that it couldn't connect."""
    address = str(parse_host(kwargs_from_env().get("base_url"), IS_WINDOWS_PLATFORM))
    if not address.startswith("http+unix://"):
        return True
    with socket.socket(socket.AF_UNIX) as tried:
        tried.settimeout(3)
        return tried.connect_ex(address.removeprefix("http+unix://")) == 0


def _can_pull(client: docker.DockerClient) -> bool:
    try:
        client.images.pull(os.environ.get("TIMESCALEDB_IMAGE", IMAGE))
    except docker.errors.DockerException:
        return False
    return True


@asynccontextmanager
async def _start(kind: str, folders: pytest.TempPathFactory) -> AsyncIterator[str]:
    match kind:
        case "url":
            yield os.environ["TEST_DATABASE_URL"]
        case "docker":
            with PostgresContainer(os.environ.get("TIMESCALEDB_IMAGE", IMAGE), driver=None) as container:
                yield container.get_connection_url()
        case _:
            async with embedded(folders.mktemp("engine"), cache(), lambda _: None) as started:
                yield started.url


def cache() -> Path:
    """The folder with the packages of the embedded engine."""
    default = Path(__file__).parents[1] / ".taktline" / "cache"
    return Path(os.environ.get("TAKTLINE_CACHE", default))


@pytest.fixture
async def schema(engine: Engine) -> AsyncIterator[str]:
    """The name of a schema that is dropped afterwards."""
    async with dropped_schema(engine) as name:
        yield name


@asynccontextmanager
async def dropped_schema(engine: Engine) -> AsyncIterator[str]:
    name = f"test_{uuid.uuid4().hex[:12]}"
    try:
        yield name
    finally:
        await drop_schema(engine, name)


async def drop_schema(engine: Engine, name: str) -> None:
    """Drop a schema, trying again while one of TimescaleDB's background jobs is using it."""
    con = await asyncpg.connect(engine.url)
    try:
        await insist(lambda: con.execute(f'drop schema if exists "{name}" cascade'))
    finally:
        await con.close()


async def run_jobs(store: Store) -> int:
    """Run the engine's background jobs now, and return how many there are."""
    jobs = await store.jobs.all()
    for job in jobs:
        await store.jobs.run(job)
    return len(jobs)


@pytest.fixture(scope="session")
async def shared(engine: Engine) -> AsyncIterator[Running]:
    """A running service that tests share. Each uses series and ids of its own, and finds readings of others."""
    async with dropped_schema(engine) as name, running(settings_for(engine, name)) as service:
        yield service


@pytest.fixture
async def fresh(engine: Engine, schema: str) -> AsyncIterator[Running]:
    """A running service with an empty schema."""
    async with running(settings_for(engine, schema)) as service:
        yield service


@pytest.fixture
def name() -> str:
    """A name that no other test uses."""
    return uuid.uuid4().hex


def settings_for(engine: Engine, schema: str, **overrides: object) -> Settings:
    """Settings of a service on this engine, in a schema of its own."""
    return Settings.load(database_url=engine.url, database_schema=schema, chart_tz="UTC", **overrides)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    used = config.stash.get(USED, "none: no test that ran needed a database")
    terminalreporter.write_line(f"engine: {used}")
