"""PostgreSQL servers with TimescaleDB for tests that need more than one, such as a primary with standbys: out of a
Debian root, TEST_POSTGRES_ROOT, or of the folder TEST_POSTGRES_BIN, or of the PATH."""

import asyncio
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import psutil
import pytest

from tests.harness import free_port

NEEDED = ("initdb", "pg_basebackup", "pg_ctl", "postgres")
OPTIONS = ("shared_preload_libraries=timescaledb", "timescaledb.telemetry_level=off", "shared_buffers=64MB")
HOW = "TEST_POSTGRES_ROOT or TEST_POSTGRES_BIN may say where they are: see CONTRIBUTING.md"


@dataclass(frozen=True)
class Programs:
    """The programs of PostgreSQL in a folder, seen from within `root`."""

    root: Path
    folder: str

    @classmethod
    def find(cls) -> "Programs":
        """Those that are there; skips the test where there are none, or there is no TimescaleDB beside them."""
        root = Path(os.environ.get("TEST_POSTGRES_ROOT", "/"))
        if root != Path("/"):
            folders = [f"/{each.parent.relative_to(root)}" for each in root.glob("usr/lib/postgresql/*/bin/initdb")]
        else:
            found = shutil.which("initdb", path=os.environ.get("TEST_POSTGRES_BIN"))
            folders = [] if found is None else [str(Path(found).resolve().parent)]
        for folder in sorted(folders, reverse=True):
            if all((root / f"{folder[1:]}/{each}").exists() for each in NEEDED):
                programs = cls(root, folder)
                shared = programs.say("pg_config", "--sharedir").strip()
                if (root / f"{shared[1:]}/extension/timescaledb.control").exists():
                    return programs
        pytest.skip(f"there are no programs of PostgreSQL with TimescaleDB here; {HOW}")

    def words(self, name: str, *words: str) -> list[str]:
        """The command line of a program."""
        enter = [] if self.root == Path("/") else ["chroot", "--userspec=postgres:postgres", str(self.root)]
        return [*enter, f"{self.folder}/{name}", *words]

    @property
    def user(self) -> str | None:
        """As whom they are run: PostgreSQL refuses to run as root."""
        if self.root != Path("/") or os.geteuid():
            return None
        return next(one.pw_name for one in pwd.getpwall() if one.pw_name in ("postgres", "nobody"))

    def own(self, folder: Path) -> None:
        """Give them a folder."""
        if self.root != Path("/"):
            lines = (self.root / "etc/passwd").read_text().splitlines()
            [found] = [line.split(":") for line in lines if line.startswith("postgres:")]
            os.chown(folder, int(found[2]), int(found[3]))
        elif self.user is not None:
            shutil.chown(folder, self.user)

    def say(self, name: str, *words: str) -> str:
        """Run a program, and return what it says."""
        done = subprocess.run(
            self.words(name, *words), capture_output=True, text=True, user=self.user, cwd="/", check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


class Cluster:
    """One server, on 127.0.0.1."""

    def __init__(self, programs: Programs, folder: Path) -> None:
        self._programs, self._folder, self.port = programs, folder, free_port()
        self._data = f"/{folder.relative_to(programs.root)}/{self.port}"
        self.host = f"127.0.0.1:{self.port}"
        self.url = f"postgresql://postgres@{self.host}/postgres"
        self._process: subprocess.Popen[bytes] | None = None

    def make(self) -> None:
        """Make a new database cluster."""
        given = ("--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C.UTF-8")
        self._programs.say("initdb", *given, "-D", self._data)

    def follow(self, other: "Cluster") -> None:
        """Become a copy of a server, and its standby from the next start on."""
        source = f"host=127.0.0.1 port={other.port} user=postgres"
        self._programs.say("pg_basebackup", "-d", source, "-D", self._data, "-R", "-c", "fast")

    def start(self, *options: str) -> None:
        """Start it. Raises nothing where it doesn't come up: see answers()."""
        where = (
            f"port={self.port}",
            "listen_addresses=127.0.0.1",
            f"unix_socket_directories={Path(self._data).parent}",
        )
        words = [word for option in (*OPTIONS, *where, *options) for word in ("-c", option)]
        with (self._folder / f"{self.port}.log").open("ab") as log:
            self._process = subprocess.Popen(
                self._programs.words("postgres", "-D", self._data, *words),
                stdout=log,
                stderr=log,
                user=self._programs.user,
                cwd="/",
            )

    def promote(self) -> None:
        """Make a primary of a standby."""
        self._programs.say("pg_ctl", "promote", "-w", "-D", self._data)

    def send(self, number: signal.Signals) -> None:
        """Send a signal to all its processes."""
        if self._process is not None:
            with suppress(psutil.NoSuchProcess):
                server = psutil.Process(self._process.pid)
                for one in (server, *server.children(recursive=True)):
                    with suppress(psutil.NoSuchProcess):
                        one.send_signal(number)

    def stop(self) -> None:
        """Stop it, frozen or not, without leaving its shared memory behind, as SIGKILL would."""
        self.send(signal.SIGCONT)
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(10)
        self.kill()

    def kill(self) -> None:
        """SIGKILL to all its processes, or whatever is left of them."""
        self.send(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()
            self._process = None

    async def answers(self) -> None:
        """Wait until it does."""
        async with asyncio.timeout(60):
            while True:
                try:
                    await (await asyncpg.connect(self.url, timeout=5)).close()
                except (OSError, asyncpg.PostgresError):
                    await asyncio.sleep(0.1)
                else:
                    return

    async def ask(self, statement: str) -> list[asyncpg.Record]:
        """The rows of a statement."""
        con = await asyncpg.connect(self.url)
        try:
            return await con.fetch(statement)
        finally:
            await con.close()


@contextmanager
def clusters(programs: Programs, count: int) -> Iterator[Sequence[Cluster]]:
    """So many servers, which are stopped when the block ends; nothing is made or started yet."""
    with ExitStack() as stack:
        place = programs.root / "var/tmp"
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="taktline-", dir=place)))
        programs.own(folder)
        made = [Cluster(programs, folder) for _ in range(count)]
        for one in made:
            stack.callback(one.stop)
        yield made


async def follow(primary: Cluster, standby: Cluster, *options: str) -> None:
    """Make a primary and a standby of it, which has these options, and wait until both answer."""
    primary.make()
    primary.start()
    await primary.answers()
    await primary.ask("create extension timescaledb")
    standby.follow(primary)
    standby.start(*options)
    await standby.answers()
