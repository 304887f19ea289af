"""Charts as bytes: the numbers read in rounds, the pictures drawn once and kept while nothing in them changes."""

import asyncio
import gzip
import hashlib
import time
from collections.abc import Awaitable, Callable
from typing import Literal, assert_never

import msgspec
from cachetools import LRUCache

from service.charts.drawing.fingerprint import fingerprint
from service.charts.drawing.numbers import as_csv, as_json
from service.charts.drawing.page import page
from service.charts.drawing.picture import Picture
from service.charts.drawing.spec import spec
from service.charts.renderer import Renderer
from service.charts.single_flight import Cache, How, Rounds
from service.metrics import Metrics
from service.period.bucket import Numbers
from service.period.steps import Period

CACHE_BYTES = 64 * 2**20
"""Room for pictures."""
CACHE_BUCKETS = 100_000
"""Buckets of charts that were asked for lately, kept for as long as nothing is committed."""
BIG = 256
"""Buckets from which a table is made outside the event loop."""

AnyFormat = Literal["png", "svg", "pdf", "html", "json", "csv", "vega"]
Read = Callable[..., Awaitable[Numbers]]
Committed = Callable[[], Awaitable[str]]
Library = Callable[[], Awaitable[bytes]]
Key = tuple[Period, str, tuple[str, ...] | None, int | None]
_NOTHING = Numbers((), None)


class Found(msgspec.Struct, frozen=True):
    """The numbers of a chart, a digest of them, and how long that took; `committed` says as of when they are."""

    numbers: Numbers
    digest: bytes
    committed: str
    seconds: float

    @property
    def size(self) -> int:
        """What it counts for where the room is bounded: its buckets, and something for itself."""
        return 10 + sum(len(panel.buckets) for panel in self.numbers.panels)


class Body(msgspec.Struct, frozen=True):
    """A chart in one format, where it came from, and how long that took."""

    data: bytes
    how: How
    seconds: float


class Charts:
    """Every chart of one service; `read` reads the numbers of one, and `committed` tells by a text whether anybody, on
    whatever replica, wrote since it was last asked. `library` is what draws in a browser, as JavaScript."""

    def __init__(
        self,
        read: Read,
        committed: Committed,
        renderer: Renderer,
        library: Library,
        metrics: Metrics,
        most_bytes: int = CACHE_BYTES,
    ) -> None:
        self._read, self._committed, self._library = read, committed, library
        self._renderer = renderer
        self._metrics = metrics
        self._rounds: Rounds[Found] = Rounds()
        self._known: LRUCache[Key, Found] = LRUCache(CACHE_BUCKETS, getsizeof=lambda found: found.size)
        self._cache = Cache(most_bytes)

    async def find(self, period: Period, agg: str, series: tuple[str, ...] | None, panels: int | None) -> Found:
        """The numbers as they are now; those who ask for the same at once share one look at the database."""
        key = (period, agg, series, panels)
        return await self._rounds.read(key, lambda: self._look(key))

    async def _look(self, key: Key) -> Found:
        """Asking whether anything was committed costs the database a tenth of reading a chart's numbers, or less."""
        started = time.perf_counter()
        committed = await self._committed()  # before the numbers, so that these are never older than it says
        known = self._known.get(key)
        if known is not None and known.committed == committed:
            return msgspec.structs.replace(known, seconds=time.perf_counter() - started)
        numbers = await self._read(*key)
        digest = hashlib.blake2b(msgspec.msgpack.encode(numbers), digest_size=16).digest()
        found = Found(numbers, digest, committed, time.perf_counter() - started)
        self._known[key] = found
        return found

    async def body(self, tag: str, picture: Picture, form: AnyFormat, scale: float, *, packed: bool) -> Body:
        """The chart with this tag, gzipped if `packed`. Unavailable: it can't be drawn now."""
        started = time.perf_counter()
        data, how = await self._cache.get(tag, lambda: self._make(picture, form, scale, packed))
        self._metrics.chart(how)
        return Body(data, how, time.perf_counter() - started)

    async def _make(self, picture: Picture, form: AnyFormat, scale: float, packed: bool) -> bytes:
        if form == "png" or form == "svg" or form == "pdf":
            return await self._renderer.draw(picture, form, scale, packed=packed)
        if form == "html":
            return await asyncio.to_thread(_page, picture, await self._library(), packed)
        if sum(len(panel.buckets) for panel in picture.numbers.panels) < BIG:
            return _table(picture, form, packed)
        return await asyncio.to_thread(_table, picture, form, packed)


def make_tag(found: Found, picture: Picture, form: AnyFormat, scale: float, *, packed: bool) -> str:
    """The strong ETag of a chart: of its numbers, of all else that decides how it looks, and of the code that draws."""
    if form == "json" or form == "csv":  # whatever the picture would look like
        look = Picture(_NOTHING, picture.period, "", "", picture.agg, split=picture.split)
    else:
        look = msgspec.structs.replace(picture, numbers=_NOTHING)
    content = msgspec.msgpack.encode((found.digest, look, form, float(scale if form == "png" else 1), packed))
    return f'"{hashlib.blake2b(content, digest_size=16, key=fingerprint()).hexdigest()}"'


def _page(picture: Picture, library: bytes, packed: bool) -> bytes:
    data = page(picture, library.decode())
    return gzip.compress(data, 6, mtime=0) if packed else data


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
