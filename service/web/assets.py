"""The files that pages load. Their names change with their content, so that browsers may keep them for ever."""

import asyncio
import gzip
import mimetypes
import os
import re
from collections.abc import Callable
from contextlib import suppress
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path

import msgspec

from service.charts.worker import Worker, WorkerDied
from service.errors import Unavailable

WEB = Path(__file__).parent
SUFFIXES = (".css", ".js", ".svg", ".ico")
VEGA = "vega.js"
"""The drawing library for browsers. It isn't a file of ours: vl-convert bundles it."""

_IMPORT = re.compile(rb'"\./([a-z_]+\.js)"')


class Asset(msgspec.Struct, frozen=True):
    """The content of a file, plain and gzipped."""

    body: bytes
    packed: bytes
    media_type: str


class Assets:
    """The files of `web/` and the drawing library, which is made when it is first needed, and kept in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files = _linked({path.name: path.read_bytes() for path in WEB.iterdir() if path.suffix in SUFFIXES})
        self._names = {_marked(name, body): name for name, body in self._files.items()}
        self._names[_marked(VEGA, version("vl-convert-python").encode())] = VEGA
        self._addresses = {name: f"/assets/{marked}" for marked, name in self._names.items()}
        self._made: dict[str, asyncio.Task[Asset]] = {}

    def address(self, name: str) -> str:
        """The address at which a file is served."""
        return self._addresses[name]

    async def read(self, marked: str) -> Asset | None:
        """The file of this name in an address; or of this plain name, under which browsers must not keep it."""
        name = self._names.get(marked, marked)
        if name != VEGA and name not in self._files:
            return None
        return await asyncio.shield(self._start(name))

    async def library(self) -> bytes:
        """The drawing library for browsers; Unavailable where it can't be made now."""
        try:
            return (await asyncio.shield(self._start(VEGA))).body
        except (TimeoutError, WorkerDied) as exc:
            raise Unavailable("The drawing library could not be made in time; try again in a moment.") from exc

    def prepare(self) -> None:
        """Start making the drawing library before somebody asks for it."""
        self._start(VEGA)

    def is_marked(self, name: str) -> bool:
        """Whether the name changes with the content, so that the file may be kept for ever."""
        return name in self._names

    async def aclose(self) -> None:
        """Give up whatever is still being made."""
        for task in self._made.values():
            task.cancel()
        await asyncio.gather(*self._made.values(), return_exceptions=True)

    def _start(self, name: str) -> asyncio.Task[Asset]:
        task = self._made.get(name)
        if task is None or (task.done() and task.exception()):
            task = self._made[name] = asyncio.create_task(self._make(name))
        return task

    async def _make(self, name: str) -> Asset:
        body = self._files[name] if name != VEGA else await self._load()
        packed = await asyncio.to_thread(gzip.compress, body, 9, mtime=0)
        return Asset(body, packed, mimetypes.types_map[Path(name).suffix])

    async def _load(self) -> bytes:
        kept = self._folder / Path(self.address(VEGA)).name
        if kept.is_file():
            return await asyncio.to_thread(kept.read_bytes)
        made = await _in_a_process(_bundle)
        with suppress(OSError):  # where the folder can't be written to, the library is made again next time
            self._folder.mkdir(parents=True, exist_ok=True)
            part = kept.with_suffix(f".{os.getpid()}")
            part.write_bytes(made)
            part.replace(kept)
        return made


async def _in_a_process(bundle: Callable[[], str]) -> bytes:
    """The bundle, made in a process of its own: that takes seconds, and holds the interpreter's lock meanwhile."""
    worker: Worker[[], str] = Worker(bundle)
    try:
        async with asyncio.timeout(60):
            await worker.ready()
            return (await worker.call()).encode()
    finally:
        worker.kill()


def _bundle() -> str:
    import vl_convert

    return vl_convert.javascript_bundle()  # type: ignore[call-arg]  # the library's stub lacks the default


def _linked(files: dict[str, bytes]) -> dict[str, bytes]:
    """The files. Scripts import each other by their marked names, so that the name of a script changes with whatever it
    imports. Imports must not go in circles."""
    made: dict[str, bytes] = {}

    def link(name: str) -> bytes:
        if name not in made:
            made[name] = _IMPORT.sub(rename, files[name])
        return made[name]

    def rename(found: re.Match[bytes]) -> bytes:
        name = found[1].decode()
        return f'"./{_marked(name, link(name))}"'.encode()

    return {name: link(name) for name in files}


def _marked(name: str, content: bytes) -> str:
    path = Path(name)
    return f"{path.stem}.{blake2b(content, digest_size=8).hexdigest()}{path.suffix}"
