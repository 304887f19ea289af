"""Machines for a cluster: network namespaces on a bridge, in which programs of a Debian root run. Needs root."""

import asyncio
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

NETWORK = "10.199.77"
BRIDGE = "taktline0"
SWITCH = "taktline-switch"
"""The namespace of the bridge, where no firewall of this machine, such as Docker's, drops what passes it."""
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
ENDING = 10.0
"""Seconds that what was killed may take to be gone."""


class Machine:
    """One machine: an address, and the processes in its namespace."""

    def __init__(self, name: str, number: int, root: Path) -> None:
        self.name, self.root = name, root
        self.address = f"{NETWORK}.{10 + number}"
        self._space, self._link = f"taktline-{name}", f"taktline{number}"

    async def make(self) -> None:
        """Make its namespace, and join it to the bridge."""
        inside = ("ip", "-n", self._space)
        await command("ip", "netns", "add", self._space)
        await _plug_in(self._link, "eth0", self._space)
        await command(*inside, "addr", "add", f"{self.address}/24", "dev", "eth0")
        await command(*inside, "link", "set", "eth0", "up")
        await command(*inside, "link", "set", "lo", "up")

    async def remove(self) -> None:
        """Kill what runs there, and remove the namespace."""
        if self._file.exists():
            await self.kill()
            await command("ip", "netns", "delete", self._space, check=False)

    async def run(self, *words: str, log: Path) -> None:
        """Start a program of the root there, as its user postgres, and don't wait for it."""
        inside = ("ip", "netns", "exec", self._space, "chroot", "--userspec=postgres:postgres", str(self.root))
        with log.open("ab") as out:
            await asyncio.create_subprocess_exec(
                *inside,
                *words,
                env={"PATH": PATH, "HOME": "/var/tmp", "LANG": "C.UTF-8"},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )

    async def connect(self, *, up: bool) -> None:
        """Pull out its network cable, or put it in again."""
        await command("ip", "-n", SWITCH, "link", "set", self._link, "up" if up else "down")

    def send(self, number: signal.Signals, chosen: Callable[[str], bool] = lambda _: True) -> int:
        """Send a signal to the processes there whose command lines are chosen; returns to how many."""
        sent = 0
        for pid, line in self._processes():
            if chosen(line):
                with suppress(ProcessLookupError):
                    os.kill(pid, number)
                    sent += 1
        return sent

    async def kill(self) -> None:
        """SIGKILL to everything there."""
        limit = time.monotonic() + ENDING
        while self.send(signal.SIGKILL) and time.monotonic() < limit:  # noqa: ASYNC110
            await asyncio.sleep(0.1)

    @property
    def _file(self) -> Path:
        return Path("/run/netns") / self._space

    def _processes(self) -> list[tuple[int, str]]:
        here = self._file.stat().st_ino
        found = []
        for each in Path("/proc").iterdir():
            with suppress(OSError):
                if each.name.isdigit() and (each / "ns/net").stat().st_ino == here and _lives(each):
                    found.append((int(each.name), (each / "cmdline").read_bytes().replace(b"\0", b" ").decode()))
        return found


def _lives(process: Path) -> bool:
    return (process / "stat").read_text().rpartition(")")[2].split()[0] != "Z"


async def make_bridge() -> None:
    """Make the bridge by which the machines, and this one, reach each other."""
    await command("ip", "netns", "add", SWITCH)
    await command("ip", "-n", SWITCH, "link", "add", BRIDGE, "type", "bridge")
    await command("ip", "-n", SWITCH, "link", "set", BRIDGE, "up")
    await _plug_in("here", BRIDGE)
    await command("ip", "addr", "add", f"{NETWORK}.1/24", "dev", BRIDGE)
    await command("ip", "link", "set", BRIDGE, "up")


async def remove_bridge() -> None:
    """Remove it, and with it the cables."""
    await command("ip", "netns", "delete", SWITCH, check=False)


async def _plug_in(link: str, name: str, space: str | None = None) -> None:
    """Lay a cable from the bridge, where it is called `link`, to a namespace or this machine, where its name is
    `name`."""
    to = ("netns", space or str(os.getpid()))
    await command("ip", "-n", SWITCH, "link", "add", link, "type", "veth", "peer", "name", name, *to)
    await command("ip", "-n", SWITCH, "link", "set", link, "master", BRIDGE, "up")


async def command(*words: str, check: bool = True) -> str:
    """Run a command, and return what it says. Raises RuntimeError where it fails, unless not to `check`."""
    process = await asyncio.create_subprocess_exec(
        *words, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said = (await process.communicate())[0].decode()
    if check and process.returncode:
        raise RuntimeError(f"{' '.join(words)}: {said.strip()}")
    return said
