"""Packs readings of any format into the rows of a batch, and collects their faults."""

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache
from hashlib import blake2b
from typing import Annotated, ClassVar

import msgspec

from service.errors import MAX_ERRORS, BadReading, Fault, Refusal, TooLarge, counted
from service.intake.batch import Packed
from service.intake.copy_rows import EIGHT, NULL, SINCE_1970, START, encode_one, plain_packer, text_field
from service.intake.reading import (
    DEFAULT_SERIES,
    MAX_NAME,
    MAX_VALUE,
    Reading,
    Rules,
    check_reading,
    early_clock,
)
from service.intake.timestamps import EARLIEST_NUMBER, EPOCH, MICROSECOND, MILLISECONDS_FROM, NUMBERS_TO, of_number

MINUTE = 60_000_000
"""Microseconds of a minute."""
ROW, SERIES = 64, 400
"""About how many bytes of memory a part of the rows or a minute takes, and what is known of a series."""
_NO_TS = -(2**60)
"""Stands for an absent `ts` in a digest; no reading can have that time."""
_UNREAD = ", and the rest was not read"

Known = tuple[Callable[..., bytes], bytes]
"""The function that packs the rows of a series, and the series name as a column of these rows."""


class Plain(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A reading without attributes as a decoder makes it: its types are right, but nothing else is checked."""

    attributes: ClassVar[None] = None

    ts: Annotated[datetime, msgspec.Meta(tz=True)] | float | None = None
    series: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_NAME)] | None = None
    plan: float | None = None
    fact: float | None = None


class Packer:
    """Makes one batch, received at `now` (microseconds since 1970), of readings that are added one after the other.

    The digest of its content doesn't depend on the server's clock, so that it is the same when the batch is sent again
    later or in another format. With `own_id` a batch without an id gets one that is computed from its content, if all
    its readings have a `ts`. With `partial` faulty readings are left out; otherwise they refuse the batch.

    All methods that add readings raise TooLarge where a batch gets too many of them, faulty ones included, and
    BadReading at the last fault that an error would name.
    """

    def __init__(
        self, rules: Rules, now: int, batch_id: str | None = None, *, own_id: bool = False, partial: bool = False
    ) -> None:
        self._low, self._high = rules.bounds(now)
        self._most = rules.max_readings
        self._now = now
        self.partial = partial
        self._id = batch_id
        self._own_id = own_id and batch_id is None
        self._hash = blake2b(digest_size=16) if batch_id is not None or own_id else None
        self._rows: list[bytes] = []
        self._bytes = 0
        self._minutes: set[int] = set()
        self._oldest = self._high
        self._series: dict[str | None, Known] = {}
        self._count = 0
        self._seen = 0
        self._faults: list[Fault] = []

    @property
    def size(self) -> int:
        """About how many bytes of memory the readings take that were added so far."""
        return self._bytes + ROW * (len(self._rows) + len(self._minutes)) + SERIES * len(self._series)

    def known(self, series: str | None) -> Known:
        """What add_all() needs to know about a series. Raises Refusal where the name breaks a rule."""
        found = self._series.get(series)
        if found is None:
            found = self._series[series] = _known(series)
        return found

    @contextmanager
    def all_or_none(self) -> Iterator[None]:
        """A block that adds readings. If it raises Refusal, none was added, and the series that it was the first to use
        are forgotten."""
        before = len(self._series)
        try:
            yield
        except Refusal:
            self._forget_series(before)
            raise

    def add_all(
        self, items: Sequence[Plain | Reading], unit: int = 1000, names: dict[str, Known] | None = None
    ) -> bool:
        """Add typed readings. Where one of them breaks a rule, return False without adding any.

        `unit` is the unit of whole numbers in `ts`, in nanoseconds. With `names`, the series of a reading is a key of
        these.
        """
        before = len(self._series)
        try:
            self.add(items, unit, names)
        except Refusal:
            self._forget_series(before)
            return False
        return True

    def add_value(self, value: object) -> Refusal | None:
        """Check a decoded value field by field and add it. An error becomes a fault of the batch, and is returned."""
        self.make_room(1)
        try:
            self.add([check_reading(value, self._low, self._high)])
        except Refusal as refusal:
            self.add_fault(refusal.field, refusal.detail)
            return refusal
        return None

    def add_fault(self, field: str, detail: str) -> None:
        """Add a faulty reading; `detail` ends without a full stop."""
        self._note(field, detail)
        if len(self._faults) == MAX_ERRORS and not self.partial:
            raise self._refusal(_UNREAD)

    def give_up(self, detail: str) -> BadReading:
        """The error for a batch whose rest can't be read, because of what is wrong with the next reading."""
        self._note("", detail)
        return self._refusal(_UNREAD)

    def make_room(self, readings: int) -> None:
        """Raise TooLarge where the batch gets too many readings. A few compressed bytes can hold millions."""
        if self._seen + readings > self._most:
            raise TooLarge(f"A batch has at most {counted(self._most, 'reading')}; send them in several.")

    def name(self, batch_id: str) -> None:
        """Give the batch its id, which wasn't known when it was begun with `own_id`."""
        self._id, self._own_id = batch_id, False

    def finish(self) -> Packed:
        """The batch. Raises BadReading, which names the faulty items, where there are any; with `partial` only where no
        item is good."""
        if self._faults and not (self.partial and self._count):
            raise self._refusal()
        batch_id, digest = self._identity()
        return Packed(
            batch_id,
            digest,
            self._count,
            self._rows[0] if len(self._rows) == 1 else b"".join(self._rows),
            frozenset(self._minutes),
            frozenset(field for _, field in self._series.values()),
            self._oldest,
            self._seen - self._count,
            tuple(self._faults),
        )

    def add(self, items: Sequence[Plain | Reading], unit: int = 1000, names: dict[str, Known] | None = None) -> None:
        """Add typed readings like add_all(), but raise Refusal where one of them breaks a rule."""
        self.make_room(len(items))
        try:
            rows, stamps, clock = self._encode(items, self._now, unit, names)
        except struct.error as exc:  # a `ts` that doesn't fit into 8 bytes
            raise _broken() from exc
        if stamps:
            first, last = min(stamps), max(stamps)
            low = self._low if names is None else max(self._low, EARLIEST_NUMBER)
            if first < low or last > self._high:
                raise early_clock(self._now, self._low) if clock and self._now < self._low else _broken()
            self._minutes |= _minutes(first, last, stamps)
            self._oldest = min(self._oldest, first)
        if self._hash is not None:
            self._own_id = self._own_id and not clock
            self._hash.update(self._encode(items, _NO_TS, unit, names)[0] if clock else rows)
        self._rows.append(rows)
        self._bytes += len(rows)
        self._count += len(items)
        self._seen += len(items)

    def _forget_series(self, before: int) -> None:
        """Forget the series that came after the first `before`."""
        for series in list(self._series)[before:]:
            del self._series[series]

    def _note(self, field: str, detail: str) -> None:
        self.make_room(1)
        if len(self._faults) < MAX_ERRORS:
            self._faults.append(Fault(self._seen, field, detail))
        self._seen += 1

    def _identity(self) -> tuple[str | None, bytes | None]:
        digest = None if self._hash is None else self._hash.digest()
        if self._own_id and digest is not None and self._count:
            return f"content {digest.hex()}", digest
        return self._id, digest if self._id is not None else None

    def _refusal(self, more: str = "") -> BadReading:
        first = self._faults[0]
        where = f"{first.field}: " if first.field else ""
        refused = self._seen - self._count
        count = f"{counted(refused, 'reading')} {'was' if refused == 1 else 'were'} refused"
        return BadReading(f"{count}{more}; item {first.index} (counted from 0): {where}{first.detail}.", self._faults)

    def _encode(
        self, items: Sequence[Plain | Reading], now: int, unit: int, names: dict[str, Known] | None
    ) -> tuple[bytes, list[int], bool]:
        """The rows, their times, and whether any reading got its time from the server's clock. Raises Refusal where a
        plan, fact or series breaks a rule.

        Every reading passes through this loop, so it is written for speed: a tenth of a microsecond here is a twentieth
        of all that a reading costs from the socket to the database.
        """
        least, most = -MAX_VALUE, MAX_VALUE
        rows: list[bytes] = []
        stamps: list[int] = []
        series_of: Mapping[str | None, Known] = self._series if names is None else names  # type: ignore[assignment]
        clock = False
        maybe_attributes = not isinstance(items[0], Plain) if items else False
        for item in items:
            ts, plan, fact = item.ts, item.plan, item.fact
            if type(ts) is datetime:
                at = (ts - EPOCH) // MICROSECOND
            elif ts is None:
                at, clock = now, True
            elif type(ts) is int:
                at = ts * unit // 1000
            elif type(ts) is float and MILLISECONDS_FROM <= ts <= NUMBERS_TO:
                at = round(ts * 1e3)  # what of_number() would do, without the price of a call
            else:
                at = of_number(ts)  # type: ignore[arg-type]
            stamps.append(at)
            pack, series = series_of.get(item.series) or self.known(item.series)
            if plan is None or fact is None or (maybe_attributes and item.attributes is not None):
                if not (_fits(plan) and _fits(fact)):
                    raise _broken()
                rows.append(encode_one(at, series, plan, fact, item.attributes))
            elif least <= plan <= most and least <= fact <= most:
                rows.append(pack(START, at - SINCE_1970, series, plan, EIGHT, fact, NULL))
            else:
                raise _broken()
        return b"".join(rows), stamps, clock


def _broken() -> Refusal:
    """A new exception each time, since an exception keeps a reference to every frame that it has passed."""
    return Refusal("", "breaks a rule")


def _minutes(first: int, last: int, stamps: list[int]) -> set[int]:
    """The minutes since 1970 in which there are readings; mostly one or two."""
    lowest, highest = first // MINUTE, last // MINUTE
    if highest - lowest <= 1:
        return {lowest, highest}
    return {ts // MINUTE for ts in stamps}


@lru_cache(maxsize=4096)
def _known(name: str | None) -> Known:
    """See Packer.known(). Kept, since producers send the same few series all the time; a name that breaks a rule
    isn't, however long it is."""
    series = (name or DEFAULT_SERIES).encode()
    if 0 in series or len(name or "x") > MAX_NAME:
        raise _broken()
    return plain_packer(len(series)), text_field(series)


def _fits(value: float | None) -> bool:
    return value is None or -MAX_VALUE <= value <= MAX_VALUE
