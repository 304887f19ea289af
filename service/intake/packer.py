"""Packs readings of any format into the rows of a batch, and collects their faults."""

import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from hashlib import blake2b

from service.errors import MAX_ERRORS, BadReading, Fault, Refusal
from service.intake.attributes import may_be_note
from service.intake.batch import NO_SPREADS, Packed
from service.intake.copy_rows import EIGHT, NULL, SINCE_1970, START, encode_one
from service.intake.faults import UNREAD, refusal, too_many, too_many_with
from service.intake.plain import Known, Plain, broken, fits, known, minutes_between
from service.intake.reading import MAX_VALUE, Bounds, Reading, Rules, check_reading, early_clock
from service.intake.spreads import Spread, Spreading
from service.intake.timestamps import EARLIEST_NUMBER, EPOCH, MICROSECOND, MILLISECONDS_FROM, NUMBERS_TO, of_number

ROW, SERIES = 64, 400
"""About how many bytes of memory a part of the rows or a minute takes, and what is known of a series."""
_NO_TS = -(2**60)
"""Stands for an absent `ts` in a digest; no reading can have that time."""
_NEVER = 2**62
"""Later than any reading."""
_SPREAD = b"\0\6"
"""Begins a reading in a digest that stands for a span of minutes; no row begins so."""


class Packer:
    """Makes one batch, received at `now` (microseconds since 1970), of readings that are added one after the other.

    The digest of its content doesn't depend on the server's clock, so that it is the same when the batch is sent again
    later or in another format. With `own_id` a batch without an id gets one that is computed from its content, if all
    its readings have a `ts`. With `partial` faulty readings are left out; otherwise they refuse the batch.

    All methods that add readings raise TooLarge where a batch gets too many of them, faulty ones included, and
    BadReading at the last fault that an error would name.
    """

    # set only where they are needed, since there is a packer for each frame
    _more = 0
    """How many readings more they become than were seen."""
    _spreading: Spreading | None = None
    _bounds: Bounds | None = None

    def __init__(
        self, rules: Rules, now: int, batch_id: str | None = None, *, own_id: bool = False, partial: bool = False
    ) -> None:
        self._rules = rules
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
        self._oldest = _NEVER
        self._series: dict[str | None, Known] = {}
        self._notes: list[tuple[int, bytes]] = []
        self._count = 0
        self._seen = 0
        self._faults: list[Fault] = []

    @property
    def size(self) -> int:
        """About how many bytes of memory the readings take that were added so far."""
        spreads = 0 if self._spreading is None else self._spreading.size
        return self._bytes + ROW * (len(self._rows) + len(self._minutes)) + SERIES * len(self._series) + spreads

    def known(self, series: str | None) -> Known:
        """What add_all() needs to know about a series. Raises Refusal where the name breaks a rule."""
        found = self._series.get(series)
        if found is None:
            found = self._series[series] = known(series)
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
        """Add typed readings. Where one of them breaks a rule, return False without adding any; so where they are those
        of a correction, which are always checked field by field.

        `unit` is the unit of whole numbers in `ts`, in nanoseconds. With `names`, the series of a reading is a key of
        these.
        """
        if self._rules.within is not None:
            return False
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
        self._bounds = self._bounds or Bounds(self._rules, self._now, self._low, self._high)
        try:
            reading = check_reading(value, self._bounds)
            if reading.minutes is None:
                self.add([reading])
            else:
                self._spread(reading, reading.minutes)
        except Refusal as fault:
            self.add_fault(fault.field, fault.detail)
            return fault
        return None

    def add_fault(self, field: str, detail: str) -> None:
        """Add a faulty reading; `detail` ends without a full stop."""
        self._note(field, detail)
        if len(self._faults) == MAX_ERRORS and not self.partial:
            raise self._refusal(UNREAD)

    def give_up(self, detail: str) -> BadReading:
        """The error for a batch whose rest can't be read, because of what is wrong with the next reading."""
        self._note("", detail)
        return self._refusal(UNREAD)

    def make_room(self, readings: int) -> None:
        """Raise TooLarge where the batch gets too many readings. A few compressed bytes can hold millions."""
        if self._seen + self._more + readings > self._most:
            raise too_many(self._most)

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
            self._seen + self._more - self._count,
            tuple(self._faults),
            NO_SPREADS if self._spreading is None else self._spreading.finish(),
            tuple(self._notes),
        )

    def add(self, items: Sequence[Plain | Reading], unit: int = 1000, names: dict[str, Known] | None = None) -> None:
        """Add typed readings like add_all(), but raise Refusal where one of them breaks a rule."""
        self.make_room(len(items))
        try:
            rows, stamps, notes, clock = self._encode(items, self._now, unit, names)
        except struct.error as exc:  # a `ts` that doesn't fit into 8 bytes
            raise broken() from exc
        if stamps:
            first, last = min(stamps), max(stamps)
            low = self._low if names is None else max(self._low, EARLIEST_NUMBER)
            if first < low:
                raise early_clock(self._now, self._low) if clock and self._now < self._low else broken()
            if last > self._high:
                self._check_ahead(items, stamps)
            self._minutes |= minutes_between(first, last, stamps)
            self._oldest = min(self._oldest, first)
        if self._hash is not None:
            self._own_id = self._own_id and not clock
            self._hash.update(self._encode(items, _NO_TS, unit, names)[0] if clock else rows)
        self._rows.append(rows)
        self._bytes += len(rows)
        self._notes += notes
        self._count += len(items)
        self._seen += len(items)

    def _check_ahead(self, items: Sequence[Plain | Reading], stamps: list[int]) -> None:
        """Raise Refusal where a time is later than allowed, which without a fact is much later than with one."""
        most = self._rules.latest_plan(self._now)
        for item, ts in zip(items, stamps, strict=True):
            if ts > (most if item.fact is None else self._high):
                raise broken()

    def _spread(self, reading: Reading, minutes: int) -> None:
        """Add a reading that stands for one in each minute of a span of time. The digest is of the reading as it was
        sent, since breaks may change."""
        spreading = self._spreading = self._spreading or Spreading(self._rules.breaks)
        at = self._now if reading.ts is None else reading.ts
        if at < self._low:
            raise early_clock(self._now, self._low)
        runs = spreading.runs(at, minutes)
        series = self.known(reading.series)[1]
        spread = Spread(at, series, reading.plan, reading.fact, reading.attributes, runs)
        if self._seen + self._more + spread.count > self._most:
            raise too_many_with(self._seen, spread.count, self._most)
        if self._hash is not None:
            self._own_id = self._own_id and reading.ts is not None
            sent = _NO_TS if reading.ts is None else at
            row = encode_one(sent, series, reading.plan, reading.fact, reading.attributes)
            self._hash.update(_SPREAD + minutes.to_bytes(4) + row)
        spreading.add(spread)
        self._oldest = min(self._oldest, spread.first)
        self._count += spread.count
        self._more += spread.count - 1
        self._seen += 1

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
        return refusal(self._faults, self._seen + self._more - self._count, more)

    def _encode(
        self, items: Sequence[Plain | Reading], now: int, unit: int, names: dict[str, Known] | None
    ) -> tuple[bytes, list[int], list[tuple[int, bytes]], bool]:
        """The rows, their times, the times and series of notes, and whether any reading got its time from the server's
        clock. Raises Refusal where a plan, fact or series breaks a rule.

        Every reading passes through this loop, so it is written for speed: a tenth of a microsecond here is a twentieth
        of all that a reading costs from the socket to the database.
        """
        least, most = -MAX_VALUE, MAX_VALUE
        rows: list[bytes] = []
        stamps: list[int] = []
        notes: list[tuple[int, bytes]] = []
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
            elif type(ts) is float and MILLISECONDS_FROM <= ts < NUMBERS_TO:
                at = round(ts * 1e3)  # what of_number() would do, without the price of a call
            else:
                at = of_number(ts)  # type: ignore[arg-type]
            stamps.append(at)
            pack, series = series_of.get(item.series) or self.known(item.series)
            if plan is None or fact is None or (maybe_attributes and item.attributes is not None):
                if not (fits(plan) and fits(fact)):
                    raise broken()
                rows.append(encode_one(at, series, plan, fact, item.attributes))
                if plan is None and fact is None and may_be_note(item.attributes):
                    notes.append((at, series))
            elif least <= plan <= most and least <= fact <= most:
                rows.append(pack(START, at - SINCE_1970, series, plan, EIGHT, fact, NULL))
            else:
                raise broken()
        return b"".join(rows), stamps, notes, clock
