"""What a browser loads beside a page, under names that change with the content: it may be kept for ever."""

import asyncio
import gzip
import mimetypes
from collections.abc import Callable
from hashlib import blake2b
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path

import msgspec
from pebble import ProcessPool

WEB = Path(__file__).with_name("web")
VEGA = "vega.js"
"""The drawing library: no file, but made from vl-convert."""


class Asset(msgspec.Struct, frozen=True):
    """A file as it is sent, plain and compressed."""

    body: bytes
    packed: bytes
    media_type: str


class Assets:
    """The files of `web/` and the drawing library; the latter is made once, when it is first needed."""

    def __init__(self, bundle: Callable[[], str] | None = None) -> None:
        self._bundle = bundle or _bundle
        self._files = {path.name: path.read_bytes() for path in WEB.iterdir() if path.suffix in (".css", ".js", ".svg")}
        self._names = {_marked(name, body): name for name, body in self._files.items()}
        self._names[_marked(VEGA, version("vl-convert-python").encode())] = VEGA
        self._addresses = {name: f"/assets/{marked}" for marked, name in self._names.items()}
        self._made: dict[str, asyncio.Task[Asset]] = {}

    def address(self, name: str) -> str:
        """Where a file is served."""
        return self._addresses[name]

    async def read(self, marked: str) -> Asset | None:
        """The file with this name in its address; also by its plain name, which may then not be kept."""
        name = self._names.get(marked, marked)
        if name != VEGA and name not in self._files:
            return None
        if name not in self._made or (self._made[name].done() and self._made[name].exception()):
            self._made[name] = asyncio.create_task(self._make(name))
        return await asyncio.shield(self._made[name])

    def is_marked(self, name: str) -> bool:
        """Whether the name stands for one content for ever."""
        return name in self._names

    async def aclose(self) -> None:
        """Wait for nothing that is still being made."""
        for task in self._made.values():
            task.cancel()
        await asyncio.gather(*self._made.values(), return_exceptions=True)

    async def _make(self, name: str) -> Asset:
        body = self._files[name] if name != VEGA else await _elsewhere(self._bundle)
        packed = await asyncio.to_thread(gzip.compress, body, 9, mtime=0)
        return Asset(body, packed, mimetypes.types_map[Path(name).suffix])


async def _elsewhere(bundle: Callable[[], str]) -> bytes:
    """Made in a process of its own: it takes seconds, and holds the interpreter's lock meanwhile."""
    pool = ProcessPool(max_workers=1, context=get_context("spawn"))
    try:
        return (await asyncio.wrap_future(pool.schedule(bundle, timeout=60))).encode()
    finally:
        pool.stop()  # type: ignore[no-untyped-call]
        await asyncio.to_thread(pool.join)


def _bundle() -> str:
    import vl_convert

    return vl_convert.javascript_bundle()  # type: ignore[call-arg]  # the stub forgets the default


def _marked(name: str, content: bytes) -> str:
    path = Path(name)
    return f"{path.stem}.{blake2b(content, digest_size=8).hexdigest()}{path.suffix}"
