"""Answers questions for charts: reads the numbers, knows by a tag whether the client has the chart already, and
otherwise draws the picture, which is kept for as long as nothing in it changes."""

import asyncio
import gzip
import hashlib
import time
from collections.abc import Awaitable, Callable, Collection
from datetime import datetime
from typing import Literal, assert_never

import msgspec
from cachetools import LRUCache

from service.charts.drawing.chart_page import chart_page
from service.charts.drawing.fingerprint import fingerprint
from service.charts.drawing.picture import Picture, default_height, panels
from service.charts.drawing.spec import spec
from service.charts.drawing.tables import as_csv, as_json
from service.charts.drawing.wording import default_title
from service.charts.legible import check_bars
from service.charts.question import TABLES, ChartQuestion, Delivery, check_pixels
from service.charts.renderer import Renderer
from service.charts.single_flight import Cache, CacheStatus, SharedReads
from service.limits.fair_line import FairLine
from service.metrics import Metrics
from service.period.bucket import BucketQuestion, Numbers

CACHE_BYTES = 64 * 2**20
"""Bytes of charts that are kept."""
CACHE_BUCKETS = 100_000
"""Buckets that are kept, of the charts that were asked for last, until something is committed."""
CHARACTERS = 25
"""The characters of a name that take as much memory as a bucket."""
WRITERS, MOST_WRITTEN = 2, 64
"""Pages and large tables that are written at once, and that may be asked for at once."""
THREAD_BUCKETS = 256
"""From so many buckets on, a table is written in a thread, beside the event loop."""

ReadNumbers = Callable[[BucketQuestion], Awaitable[Numbers]]


class CachedNumbers(msgspec.Struct, frozen=True):
    """The numbers of a chart, their digest, the state of the database that they are of, the seconds it took to read
    them, or to learn that they are current, and what they count for in the cache."""

    numbers: Numbers
    digest: bytes
    committed: str
    seconds: float
    weight: int


class ChartBody(msgspec.Struct, frozen=True):
    """A chart in one format, where it came from, and how many seconds that took."""

    data: bytes
    cache: CacheStatus
    seconds: float


class ChartAnswer(msgspec.Struct, frozen=True):
    """The strong ETag of a chart, and its body, or None where the client has it already. `facts_until` is the end of
    the minute of the newest fact; `read_seconds` is how long the numbers took. `since` is from when on readings are
    kept, where there were others before, and `away` names the sites that it lacks."""

    tag: str
    body: ChartBody | None
    facts_until: datetime | None
    read_seconds: float
    since: datetime | None = None
    away: tuple[str, ...] = ()


class Charts:
    """Every chart of one service.

    `read` reads the numbers of a chart. `committed` returns a text that differs after every commit of any replica.
    `library` returns the drawing library for browsers, as JavaScript. `reading` is the line in which callers wait for
    the database.
    """

    def __init__(
        self,
        read: ReadNumbers,
        committed: Callable[[], Awaitable[str]],
        renderer: Renderer,
        library: Callable[[], Awaitable[bytes]],
        metrics: Metrics,
        reading: FairLine,
        most_bytes: int = CACHE_BYTES,
    ) -> None:
        self._read, self._committed, self._library = read, committed, library
        self._renderer = renderer
        self._metrics = metrics
        self._reads: SharedReads[CachedNumbers] = SharedReads(reading)
        self._looks: SharedReads[CachedNumbers] = SharedReads()
        self._numbers: LRUCache[BucketQuestion, CachedNumbers] = LRUCache(CACHE_BUCKETS, getsizeof=lambda it: it.weight)
        self._bodies = Cache(most_bytes)
        metrics.watch_cache(lambda: self._bodies.size, most_bytes)
        self._writing = FairLine("charts", WRITERS, MOST_WRITTEN)

    async def answer(self, question: ChartQuestion, delivery: Delivery) -> ChartAnswer:
        """The chart as it is now. BadRequest: it would be too large. Unavailable: it can't be read or drawn now."""
        key = _key(question)
        current = await self._reads.read(key, lambda: self._read_or_keep(key), delivery.caller)
        check_pixels(question.appearance.width, _height(question, current.numbers), delivery.scale)
        check_bars(question.period, max(1, len(current.numbers.panels)), question.appearance.style)
        tag = _tag(current.digest, question, delivery)
        body = None
        if not delivery.is_known(tag):
            body = await self._body(tag, _picture(question, current.numbers), delivery)
        numbers = current.numbers
        return ChartAnswer(tag, body, numbers.until, current.seconds, numbers.since, numbers.away)

    async def numbers(self, question: BucketQuestion, caller: str | None = None) -> Numbers:
        """The numbers as they are now. A caller waits for a turn; None are those who have had theirs already."""
        return (await self.numbers_and_digest(question, caller)).numbers

    async def numbers_and_digest(self, question: BucketQuestion, caller: str | None = None) -> CachedNumbers:
        """The same with their digest."""
        reads = self._looks if caller is None else self._reads
        return await reads.read(question, lambda: self._read_or_keep(question), caller or "")

    async def picture(self, question: ChartQuestion) -> Picture:
        """The picture as it is now, for a page that draws it by itself, and whose callers have had their turn
        already."""
        key = _key(question)
        return _picture(question, (await self._looks.read(key, lambda: self._read_or_keep(key))).numbers)

    async def _read_or_keep(self, key: BucketQuestion) -> CachedNumbers:
        """Whether anything was committed costs the database at most a tenth of what the numbers of a chart cost."""
        started = time.perf_counter()
        committed = await self._committed()  # asked before the numbers are read, which so are at least as new
        known = self._numbers.get(key)
        if known is not None and known.committed == committed:
            return msgspec.structs.replace(known, seconds=time.perf_counter() - started)
        numbers = await self._read(key)
        digest = hashlib.blake2b(msgspec.msgpack.encode(numbers), digest_size=16).digest()
        current = CachedNumbers(numbers, digest, committed, time.perf_counter() - started, _weight(key, numbers))
        self._numbers[key] = current
        return current

    async def _body(self, tag: str, picture: Picture, delivery: Delivery) -> ChartBody:
        started = time.perf_counter()
        data, status = await self._bodies.get(
            tag, lambda callers: self._make(picture, delivery, callers), delivery.caller
        )
        self._metrics.chart(status)
        return ChartBody(data, status, time.perf_counter() - started)

    async def _make(self, picture: Picture, delivery: Delivery, callers: Collection[str]) -> bytes:
        form, packed = delivery.form, delivery.packed
        if form == "png" or form == "svg" or form == "pdf":
            return await self._renderer.draw(picture, form, delivery.scale, packed=packed, callers=callers)
        if form == "html":
            library = await self._library()
            async with self._writing.turn(callers):
                return await asyncio.to_thread(_page, picture, library, packed)
        if sum(len(panel.buckets) for panel in picture.numbers.panels) < THREAD_BUCKETS:
            return _text(picture, form, packed, delivery.excel)
        async with self._writing.turn(callers):
            return await asyncio.to_thread(_text, picture, form, packed, delivery.excel)


def _key(question: ChartQuestion) -> BucketQuestion:
    return BucketQuestion(
        question.period, question.agg, question.series, question.max_panels, question.running, question.earlier
    )


def _weight(key: BucketQuestion, numbers: Numbers) -> int:
    """What an entry counts for in the cache, in buckets: its buckets, the names by which it is found, its notes, and
    something for itself."""
    series = key.series
    characters = sum(map(len, series.names or ())) + sum(map(len, series.patterns or ()))
    characters += sum(len(note.series) + len(note.note) for note in numbers.notes)
    return 10 + sum(len(panel.buckets) for panel in numbers.panels) + characters // CHARACTERS


def _height(question: ChartQuestion, numbers: Numbers) -> int:
    appearance = question.appearance
    if appearance.height is not None:
        return appearance.height
    drawn = 1 if question.max_panels is None else len(panels(numbers, question.series.names))
    return default_height(appearance.width, max(1, drawn))


def _picture(question: ChartQuestion, numbers: Numbers) -> Picture:
    appearance = question.appearance
    return Picture(
        numbers=numbers if question.notes else msgspec.structs.replace(numbers, notes=()),
        period=question.period,
        title=appearance.title
        or default_title(question.agg, question.series.names, question.shift, appearance.labels, appearance.language),
        time_format=appearance.time_format,
        agg=question.agg,
        width=appearance.width,
        height=_height(question, numbers),
        theme=appearance.theme,
        threshold=appearance.threshold,
        unfinished=question.unfinished,
        asked_step=question.asked_step,
        split=question.max_panels is not None,
        series=question.series.names,
        short_labels=appearance.short_labels,
        title_given=appearance.title is not None,
        running=question.running,
        style=appearance.style,
        now=question.now,
        coarser=question.coarser,
        earlier=question.earlier,
        labels=appearance.labels,
        unit=appearance.unit,
        language=appearance.language,
        shift=question.shift,
        notes=question.notes,
    )


def _tag(digest: bytes, question: ChartQuestion, delivery: Delivery) -> str:
    """The strong ETag of a chart: of its numbers, of all else that decides how it looks, and of the code that draws."""
    asked: object = question
    if delivery.form in TABLES:
        asked = (
            question.period,
            question.agg,
            question.max_panels is not None,
            question.running,
            question.earlier,
            question.notes,
        )
    scale = float(delivery.scale if delivery.form == "png" else 1)
    content = msgspec.msgpack.encode((digest, asked, delivery.form, scale, delivery.packed, delivery.excel))
    return f'"{hashlib.blake2b(content, digest_size=16, key=fingerprint()).hexdigest()}"'


def _page(picture: Picture, library: bytes, packed: bool) -> bytes:
    data = chart_page(picture, library.decode())
    return gzip.compress(data, 6, mtime=0) if packed else data


def _text(picture: Picture, form: Literal["json", "csv", "vega"], packed: bool, excel: bool) -> bytes:
    match form:
        case "json":
            data = as_json(picture)
        case "csv":
            data = as_csv(picture, excel=excel)
        case "vega":
            data = msgspec.json.encode(spec(picture))
        case _:
            assert_never(form)
    return gzip.compress(data, 6, mtime=0) if packed else data
