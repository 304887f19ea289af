"""A cluster of three PostgreSQL servers with Patroni and etcd, out of a Debian root, each on a machine of its own."""

import asyncio
import json
import random
import shutil
import signal
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import msgspec

from chaos.databases import connection, execute
from chaos.namespaces import Machine, make_bridge, remove_bridge
from chaos.queries import query

NAMES = ("db1", "db2", "db3")
DATABASE = "taktline"
START_LIMIT = 120.0
"""Seconds that the cluster may take to be whole, at first and after a fault."""
SETTLED, AWAY, CANCELLING = 6.0, 40.0, 3.0
"""Seconds for which a cluster has to be whole to count as such; that a machine is frozen, cut off or dead, which is
longer than a failover takes; and for which waits for standbys are cancelled."""
NEEDED = ("usr/bin/patroni", "usr/bin/etcd", "usr/lib/postgresql/17/bin/postgres", "dev/shm")

HaFault = Callable[[], Awaitable[None]]


class Cluster:
    """The cluster under test. Each of its faults meets the machine whose server is the primary."""

    def __init__(self, root: Path, rng: random.Random, *, apache: bool) -> None:
        self._root, self._rng, self._apache = root, rng, apache
        self._machines = {name: Machine(name, number, root) for number, name in enumerate(NAMES, 1)}
        self._folder, self._logs = Path(), Path()
        hosts = ",".join(one.address for one in self._machines.values())
        self.environment = {"DATABASE_URL": f"postgresql://postgres@{hosts}/{DATABASE}"}

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
            for one in self._machines.values():
                await one.make()
            for name in NAMES:
                (self._folder / name).mkdir()  # for its socket
                shutil.chown(self._folder / name, user, group)
                await self._start(name)
            try:
                await self.whole()
            except TimeoutError:
                raise RuntimeError(
                    f"the cluster isn't whole after {START_LIMIT:.0f} s; see {logs}, with --keep"
                ) from None
            await execute(self._url(await self.primary(), "postgres"), f"create database {DATABASE}")
            yield
        finally:
            for one in self._machines.values():
                await one.remove()
            await remove_bridge()
            shutil.rmtree(self._folder)

    def faults(self) -> dict[str, HaFault]:
        """The faults by name; when one returns, what it broke is put right again."""
        return {
            "server killed": self._kill_server,
            "machine killed": self._kill_machine,
            "machine frozen": self._freeze,
            "network cut": self._cut,
            "switchover": self._switch,
            "waits for standbys cancelled, then machine killed": self._cancel,
        }

    @asynccontextmanager
    async def look(self) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
        """A connection to the primary, for the checks."""
        async with connection(self._url(await self.primary(), DATABASE)) as con:
            yield con

    async def primary(self) -> str:
        """The name of the machine with the primary, as most of them know it. Raises RuntimeError where none does."""
        known = Counter(leader for view in await self._views() for leader in _leaders(view))
        if not known:
            raise RuntimeError("no machine knows who is the primary")
        return known.most_common(1)[0][0]

    async def whole(self) -> float:
        """Wait until all agree, for longer than Patroni takes for a round, on who is the primary, and the others follow
        it and count for its quorum; returns for how many seconds. Raises TimeoutError."""
        since = began = time.monotonic()
        async with asyncio.timeout(START_LIMIT):
            while time.monotonic() - since < SETTLED:
                await asyncio.sleep(0.5)
                if not _agree(await self._views()):
                    since = time.monotonic()
        return since - began

    async def _views(self) -> list[list[dict[str, Any]]]:
        """The members of the cluster as each machine that answers knows them."""
        return [view for one in self._machines.values() if (view := await _view(one.address))]

    async def _start(self, name: str) -> None:
        machine, folder = self._machines[name], self._folder
        inside = f"/{folder.relative_to(self._root)}"
        config = folder / f"{name}.json"
        config.write_bytes(msgspec.json.encode(self._config(name, inside)))
        peers = ",".join(f"{one.name}=http://{one.address}:2380" for one in self._machines.values())
        here = f"http://{machine.address}"
        etcd = {
            "name": name,
            "data-dir": f"{inside}/{name}.etcd",
            "listen-peer-urls": f"{here}:2380",
            "initial-advertise-peer-urls": f"{here}:2380",
            "listen-client-urls": f"{here}:2379",
            "advertise-client-urls": f"{here}:2379",
            "initial-cluster": peers,
            "heartbeat-interval": "200",
            "election-timeout": "2000",
        }
        words = [word for option, value in etcd.items() for word in (f"--{option}", value)]
        await machine.run("/usr/bin/etcd", *words, log=self._logs / f"{name}.etcd.log")
        await machine.run("/usr/bin/patroni", f"{inside}/{name}.json", log=self._logs / f"{name}.patroni.log")

    def _config(self, name: str, inside: str) -> dict[str, Any]:
        machine = self._machines[name]
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
            "etcd3": {"hosts": [f"{one.address}:2379" for one in self._machines.values()]},
            "bootstrap": {
                "dcs": {
                    "ttl": 20,
                    "loop_wait": 5,
                    "retry_timeout": 5,
                    "synchronous_mode": "quorum",
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

    def _url(self, name: str, database: str) -> str:
        return f"postgresql://postgres@{self._machines[name].address}/{database}"

    async def _kill_server(self) -> None:
        self._machines[await self.primary()].send(signal.SIGKILL, _is_server)

    async def _kill_machine(self) -> None:
        name = await self.primary()
        await self._machines[name].kill()
        await asyncio.sleep(AWAY)
        await self._start(name)

    async def _freeze(self) -> None:
        machine = self._machines[await self.primary()]
        machine.send(signal.SIGSTOP)
        try:
            await asyncio.sleep(AWAY)
        finally:
            machine.send(signal.SIGCONT)

    async def _cut(self) -> None:
        machine = self._machines[await self.primary()]
        await machine.connect(up=False)
        try:
            await asyncio.sleep(AWAY)
        finally:
            await machine.connect(up=True)

    async def _switch(self) -> None:
        name = await self.primary()
        to = self._rng.choice([one for one in NAMES if one != name])
        async with httpx.AsyncClient(timeout=60, trust_env=False) as http:
            where = f"http://{self._machines[name].address}:8008/switchover"
            answer = await http.post(where, content=json.dumps({"leader": name, "candidate": to}))
        if answer.is_error:
            raise RuntimeError(f"Patroni refuses the switchover: {answer.text}")

    async def _cancel(self) -> None:
        """Let no standby confirm anything, cancel the waits for them, and kill the machine before they can follow."""
        name = await self.primary()
        others = [one for one in self._machines.values() if one.name != name]
        for one in others:
            one.send(signal.SIGSTOP, _is_server)
        try:
            con = await asyncpg.connect(self._url(name, "postgres"))
            try:
                limit = time.monotonic() + CANCELLING
                while time.monotonic() < limit:
                    await con.execute(query("cancel_waits"))
                    await asyncio.sleep(0.05)
            finally:
                con.terminate()
            await self._machines[name].kill()
        finally:
            for one in others:
                one.send(signal.SIGCONT, _is_server)
        await asyncio.sleep(AWAY)
        await self._start(name)


def _is_server(line: str) -> bool:
    return line.startswith(("/usr/lib/postgresql/", "postgres:"))


async def _view(address: str) -> list[dict[str, Any]]:
    with suppress(httpx.HTTPError, KeyError):
        async with httpx.AsyncClient(timeout=2, trust_env=False) as http:
            return list((await http.get(f"http://{address}:8008/cluster")).json()["members"])
    return []


def _leaders(view: list[dict[str, Any]]) -> list[str]:
    return [str(one["name"]) for one in view if one["role"] == "leader"]


def _agree(views: list[list[dict[str, Any]]]) -> bool:
    """Whether all machines know the same primary, and that each other one is in its quorum."""
    if len(views) < len(NAMES) or len({tuple(_leaders(view)) for view in views}) > 1:
        return False
    others = [(one["role"], one["state"]) for view in views for one in view if one["role"] != "leader"]
    return others == [("quorum_standby", "streaming")] * (len(NAMES) - 1) * len(NAMES)


def _postgres(root: Path) -> tuple[int, int]:
    """The user and the group of the root's postgres."""
    lines = (root / "etc/passwd").read_text().splitlines()
    [found] = [line.split(":") for line in lines if line.startswith("postgres:")]
    return int(found[2]), int(found[3])
