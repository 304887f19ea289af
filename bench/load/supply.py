"""Makes the batches of a load, at a given rate. They are prepared except for their ids and times."""

import time
import uuid
from collections.abc import Callable
from itertools import count, islice
from typing import Literal

import msgspec

from emitter.producer.readings import Batch

Transport = Literal["ws", "http-json", "http-ndjson", "http-line"]

MICROSECOND, MILLISECOND = 1_000, 1_000_000
"""In nanoseconds."""

_JSON = '{"ts":%%d,"series":"bench %d","plan":%d,"fact":%d}'
_LINE = "bench\\ %d plan=%d,fact=%d %%d"
_JOINTS: dict[Transport, bytes] = {"ws": b",", "http-json": b",", "http-ndjson": b"\n", "http-line": b"\n"}


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """What to send: `rate` in readings per second and `readings` in all, where None means no limit. With `over`, their
    times are spread over so many seconds before now, the oldest first; otherwise they are the last ones up to now."""

    transport: Transport = "ws"
    batch: int = 1000
    series: int = 20
    rate: float | None = None
    readings: int | None = None
    over: float | None = None


class Supply:
    """Hands out the batches of a load, each of them once and not before it is due."""

    def __init__(self, load: Load, clock: Callable[[], float] = time.monotonic) -> None:
        self.issued = 0
        """The number of readings that were handed out."""
        self.closed = True
        """Whether nothing is handed out, as before the start and after the end."""
        self._load = load
        self._clock = clock
        self._started = 0.0
        self._limit = float("inf") if load.readings is None else load.readings
        self._run = uuid.uuid4().hex[:12]
        self._numbers = count()
        self._joint = _JOINTS[load.transport]
        self._shapes = _shapes(load)
        # in line protocol no two readings have the same time, since some servers would keep only one of them
        self._unit = MICROSECOND if load.transport == "http-line" else MILLISECOND
        self._gap = 1
        self._next: int | None = None
        if load.over is not None and load.readings is not None:
            self._gap = max(1, round(1e9 * load.over) // self._unit // load.readings)
            self._next = time.time_ns() // self._unit - self._gap * load.readings

    def start(self) -> None:
        """Starts handing out batches."""
        self._started, self.closed = self._clock(), False

    def close(self) -> None:
        """Stops handing out batches."""
        self.closed = True

    def take(self) -> Batch | None:
        """The next batch; None where no batch is due."""
        if self.closed or not (size := self._due()):
            return None
        self.issued += size
        self.closed = self.issued >= self._limit
        return self.make(size)

    def make(self, size: int) -> Batch:
        """A batch outside of the rate."""
        number = next(self._numbers)
        start = number * size % self._load.series
        shapes = self._joint.join(islice(self._shapes, start, start + size))
        encoded = shapes % tuple(self._times(size))
        batch_id = f"{self._run}-{number}"
        match self._load.transport:
            case "ws":
                encoded = b'{"id":"%b","readings":[%b]}' % (batch_id.encode(), encoded)
            case "http-json":
                encoded = b"[%b]" % encoded
        return Batch(batch_id, size, encoded)

    def _times(self, size: int) -> range:
        """Times of the next readings, in units since 1970."""
        if self._next is None:
            now = time.time_ns() // self._unit
            return range(now - size + 1, now + 1)
        first, self._next = self._next, self._next + self._gap * size
        return range(first, self._next, self._gap)

    def _due(self) -> int:
        """The number of readings in the next batch; 0 as long as it isn't due."""
        size = int(min(self._load.batch, self._limit - self.issued))
        if self._load.rate is None:
            return size
        return size if self.issued <= (self._clock() - self._started) * self._load.rate else 0


def _shapes(load: Load) -> list[bytes]:
    """A reading of each series without its time, repeated so that every batch is a slice of this list."""
    shape = _LINE if load.transport == "http-line" else _JSON
    once = [(shape % (number, 30 + number % 20, 25 + number % 25)).encode() for number in range(load.series)]
    return once * (1 + -(-load.batch // load.series))
