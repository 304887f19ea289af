"""A cluster of three PostgreSQL servers with Patroni and etcd, out of a Debian root, each on a machine of its own."""

import asyncio
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import msgspec

from chaos.databases import connection, execute
from chaos.namespaces import Machine, make_bridge, remove_bridge

NAMES = ("db1", "db2", "db3")
DATABASE = "taktline"
START_LIMIT, SETTLED = 120.0, 6.0
"""Seconds that the cluster may take to be whole, at first and after a fault, and for which it has to be whole to count
as such."""
SYNCHRONOUS = {"quorum": ["quorum_standby", "quorum_standby"], "on": ["replica", "sync_standby"]}
"""Patroni's ways to have commits wait for a standby, with what the standbys are then: one of two, or a certain one."""
NEEDED = ("usr/bin/patroni", "usr/bin/etcd", "usr/lib/postgresql/17/bin/postgres", "dev/shm")


class Cluster:
    """The cluster under test. Commits wait for its standbys as `synchronous` says, one of SYNCHRONOUS."""

    def __init__(self, root: Path, *, apache: bool, synchronous: str) -> None:
        self._root, self._apache, self._synchronous = root, apache, synchronous
        self.machines = {name: Machine(name, number, root) for number, name in enumerate(NAMES, 1)}
        self._folder, self._logs = Path(), Path()
        url = f"postgresql://postgres@{','.join(one.address for one in self.machines.values())}/{DATABASE}"
        self.environment = {"DATABASE_URL": url, "DATABASE_READ_URL": url}

    @asynccontextmanager
    async def running(self, logs: Path) -> AsyncIterator[None]:
        """Run it until the block ends. Raises RuntimeError where it can't be started."""
        self._logs = logs
        if lacking := [name for name in NEEDED if not (self._root / name).exists()]:
            raise RuntimeError(f"{self._root} has no {', '.join(lacking)}: docs/failover.md says how to make it")
        self._folder = Path(tempfile.mkdtemp(prefix="taktline-", dir=self._root / "var/tmp"))
        user, group = _postgres(self._root)
        shutil.chown(self._folder, user, group)
        try:
            await make_bridge()
            for one in self.machines.values():
                await one.make()
            for name in NAMES:
                (self._folder / name).mkdir()  # for its socket
                shutil.chown(self._folder / name, user, group)
                await self.start(name)
            try:
                await self.whole()
            except TimeoutError:
                raise RuntimeError(
                    f"the cluster isn't whole after {START_LIMIT:.0f} s; see {logs}, with --keep"
                ) from None
            await execute(self.url(await self.primary()), f"create database {DATABASE}")
            yield
        finally:
            for one in self.machines.values():
                await one.remove()
            await remove_bridge()
            shutil.rmtree(self._folder)

    @asynccontextmanager
    async def look(self, name: str | None = None) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
        """A connection to a server, or to the primary, for the checks."""
        async with connection(self.url(name or await self.primary(), DATABASE)) as con:
            yield con

    async def primary(self) -> str:
        """The name of the machine with the primary, as most of them know it. Raises RuntimeError where none does."""
        known = Counter(leader for view in await self._views() for leader in _leaders(view))
        if not known:
            raise RuntimeError("no machine knows who is the primary")
        return known.most_common(1)[0][0]

    async def has_primary(self) -> bool:
        """Whether one of the machines says at this moment that its server is the primary."""
        return any(await asyncio.gather(*(_is_primary(one.address) for one in self.machines.values())))

    async def whole(self) -> float:
        """Wait until all agree, for longer than Patroni takes for a round, on who is the primary, and the others follow
        it and count for its quorum; returns for how many seconds. Raises TimeoutError."""
        since = began = time.monotonic()
        async with asyncio.timeout(START_LIMIT):
            while time.monotonic() - since < SETTLED:
                await asyncio.sleep(0.5)
                if not self._agree(await self._views()):
                    since = time.monotonic()
        return since - began

    async def candidates(self) -> list[str]:
        """The machines with standbys that may become the primary without losing anything."""
        [view, *_] = await self._views()
        return [str(one["name"]) for one in view if one["role"] in ("quorum_standby", "sync_standby")]

    def _agree(self, views: list[list[dict[str, Any]]]) -> bool:
        """Whether all machines know the same primary, and that each other one is the standby that it should be."""
        if len(views) < len(NAMES) or len({tuple(_leaders(view)) for view in views}) > 1:
            return False
        for view in views:
            others = [one for one in view if one["role"] != "leader"]
            if sorted(one["role"] for one in others) != SYNCHRONOUS[self._synchronous]:
                return False
            if any(one["state"] != "streaming" for one in others):
                return False
        return True

    async def _views(self) -> list[list[dict[str, Any]]]:
        """The members of the cluster as each machine that answers knows them."""
        return [view for one in self.machines.values() if (view := await _view(one.address))]

    async def start(self, name: str) -> None:
        """Start everything on a machine where nothing runs."""
        machine, folder = self.machines[name], self._folder
        inside = f"/{folder.relative_to(self._root)}"
        config = folder / f"{name}.json"
        config.write_bytes(msgspec.json.encode(self._config(name, inside)))
        peers = ",".join(f"{one.name}=http://{one.address}:2380" for one in self.machines.values())
        here = f"http://{machine.address}"
        etcd = {
            "name": name,
            "data-dir": f"{inside}/{name}.etcd",
            "listen-peer-urls": f"{here}:2380",
            "initial-advertise-peer-urls": f"{here}:2380",
            "listen-client-urls": f"{here}:2379",
            "advertise-client-urls": f"{here}:2379",
            "initial-cluster": peers,
            "election-timeout": "1000",
        }
        words = [word for option, value in etcd.items() for word in (f"--{option}", value)]
        await machine.run("/usr/bin/etcd", *words, log=self._logs / f"{name}.etcd.log")
        await machine.run("/usr/bin/patroni", f"{inside}/{name}.json", log=self._logs / f"{name}.patroni.log")

    def _config(self, name: str, inside: str) -> dict[str, Any]:
        machine = self.machines[name]
        parameters: dict[str, Any] = {
            "shared_preload_libraries": "timescaledb",
            "timescaledb.telemetry_level": "off",
            "shared_buffers": "64MB",
            "max_connections": 60,
            "wal_keep_size": "256MB",
        }
        if self._apache:
            parameters["timescaledb.license"] = "apache"
        return {
            "scope": "taktline",
            "name": name,
            "restapi": {"listen": f"{machine.address}:8008", "connect_address": f"{machine.address}:8008"},
            "etcd3": {"hosts": [f"{one.address}:2379" for one in self.machines.values()]},
            "bootstrap": {
                "dcs": {
                    "ttl": 20,  # the least that Patroni takes, and at least loop_wait and twice retry_timeout
                    "loop_wait": 5,
                    "retry_timeout": 7,  # an election of etcd and more, or a primary gives up with a standby's machine
                    "synchronous_mode": self._synchronous,
                    "synchronous_mode_strict": True,
                    "postgresql": {"use_pg_rewind": True, "parameters": parameters},
                },
                "initdb": [{"encoding": "UTF8"}, {"locale": "C.UTF-8"}, "data-checksums"],
            },
            "postgresql": {
                "listen": f"{machine.address}:5432",
                "connect_address": f"{machine.address}:5432",
                "data_dir": f"{inside}/{name}.data",
                "pgpass": f"{inside}/{name}.pgpass",
                "bin_dir": "/usr/lib/postgresql/17/bin",
                "authentication": {"superuser": {"username": "postgres"}, "replication": {"username": "replicator"}},
                "pg_hba": ["local all all trust", "host all all all trust", "host replication all all trust"],
                "parameters": {"unix_socket_directories": f"{inside}/{name}"},
            },
        }

    def url(self, name: str, database: str = "postgres") -> str:
        """The address of a database of a machine's server."""
        return f"postgresql://postgres@{self.machines[name].address}/{database}"


async def _is_primary(address: str) -> bool:
    with suppress(httpx.HTTPError):
        async with httpx.AsyncClient(timeout=1, trust_env=False) as http:
            return (await http.get(f"http://{address}:8008/primary")).status_code == 200
    return False


async def _view(address: str) -> list[dict[str, Any]]:
    with suppress(httpx.HTTPError, KeyError):
        async with httpx.AsyncClient(timeout=2, trust_env=False) as http:
            return list((await http.get(f"http://{address}:8008/cluster")).json()["members"])
    return []


def _leaders(view: list[dict[str, Any]]) -> list[str]:
    return [str(one["name"]) for one in view if one["role"] == "leader"]


def _postgres(root: Path) -> tuple[int, int]:
    """The user and the group of the root's postgres."""
    lines = (root / "etc/passwd").read_text().splitlines()
    [found] = [line.split(":") for line in lines if line.startswith("postgres:")]
    return int(found[2]), int(found[3])
