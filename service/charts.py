"""Charts as bytes: the numbers read in rounds, the pictures drawn once and kept while nothing in them changes."""

import asyncio
import gzip
import hashlib
import time
from collections.abc import Awaitable, Callable
from typing import Literal, assert_never

import msgspec

from service.buckets import Numbers
from service.chart.fingerprint import fingerprint
from service.chart.picture import Picture
from service.chart.spec import spec
from service.chart.tables import as_csv, as_json
from service.metrics import Metrics
from service.period import Period
from service.renderer import Renderer
from service.sharing import Cache, How, Rounds

CACHE_BYTES = 64 * 2**20
"""Room for pictures."""
BIG = 256
"""Buckets from which a table is made outside the event loop."""

AnyFormat = Literal["png", "svg", "pdf", "html", "json", "csv", "vega"]
Read = Callable[..., Awaitable[Numbers]]
_NOTHING = Numbers((), None)


class Found(msgspec.Struct, frozen=True):
    """The numbers of a chart, and a digest of them."""

    numbers: Numbers
    digest: bytes
    seconds: float


class Body(msgspec.Struct, frozen=True):
    """A chart in one format, where it came from, and how long that took."""

    data: bytes
    how: How
    seconds: float


class Charts:
    """Every chart of one service; `read` reads the numbers of one."""

    def __init__(self, read: Read, renderer: Renderer, metrics: Metrics, most_bytes: int = CACHE_BYTES) -> None:
        self._read = read
        self._renderer = renderer
        self._metrics = metrics
        self._rounds: Rounds[Found] = Rounds()
        self._cache = Cache(most_bytes)

    async def find(self, period: Period, agg: str, series: tuple[str, ...] | None, panels: int | None) -> Found:
        """The numbers as they are now; those who ask for the same at once share one query."""

        async def read() -> Found:
            started = time.perf_counter()
            numbers = await self._read(period, agg, series, panels)
            digest = hashlib.blake2b(msgspec.msgpack.encode(numbers), digest_size=16).digest()
            return Found(numbers, digest, time.perf_counter() - started)

        return await self._rounds.read((period, agg, series, panels), read)

    async def body(self, tag: str, picture: Picture, form: AnyFormat, scale: float, *, packed: bool) -> Body:
        """The chart with this tag, gzipped if `packed`. Unavailable: it can't be drawn now."""
        started = time.perf_counter()
        data, how = await self._cache.get(tag, lambda: self._make(picture, form, scale, packed))
        self._metrics.chart(how)
        return Body(data, how, time.perf_counter() - started)

    async def _make(self, picture: Picture, form: AnyFormat, scale: float, packed: bool) -> bytes:
        if form == "png" or form == "svg" or form == "pdf" or form == "html":
            return await self._renderer.draw(picture, form, scale, packed=packed)
        if sum(len(panel.buckets) for panel in picture.numbers.panels) < BIG:
            return _table(picture, form, packed)
        return await asyncio.to_thread(_table, picture, form, packed)


def make_tag(found: Found, picture: Picture, form: AnyFormat, scale: float, *, packed: bool) -> str:
    """The strong ETag of a chart: of its numbers, of all else that decides how it looks, and of the code that draws."""
    look = msgspec.structs.replace(picture, numbers=_NOTHING)
    content = msgspec.msgpack.encode((found.digest, look, form, scale, packed))
    return f'"{hashlib.blake2b(content, digest_size=16, key=fingerprint()).hexdigest()}"'


def _table(picture: Picture, form: Literal["json", "csv", "vega"], packed: bool) -> bytes:
    match form:
        case "json":
            data = as_json(picture)
        case "csv":
            data = as_csv(picture)
        case "vega":
            data = msgspec.json.encode(spec(picture))
        case _:
            assert_never(form)
    return gzip.compress(data, 6, mtime=0) if packed else data
