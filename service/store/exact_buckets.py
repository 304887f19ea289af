"""Fills the parts of `sql/queries/parts/` into statements over exact buckets.

A statement has a line such as `:exact(hour, $1, $2, $5) of series, plan_sum`: the buckets of a period, with these
columns. On the community edition they are what is materialised of the hours, after that what is materialised of the
minutes, after that slices of a few seconds, if there are any, and after that minutes computed from the readings; $5,
which sql/queries/upto.sql returns, says up to where each of them goes. So the buckets have the size asked for, or are
smaller. On the Apache edition they are computed from the readings.

The parts are no SQL functions, because TimescaleDB takes into account how far an aggregate is materialised only where
the query's own text names the aggregate: see docs/decisions/no-function-over-aggregates.md.
"""

import re
from collections.abc import Iterator, Mapping

import msgspec


class Size(msgspec.Struct, frozen=True):
    """Buckets of one width: their rollup, what is materialised of it, the bucket of a late minute, the place of their
    watermark in what sql/queries/upto.sql returns, and the next smaller buckets."""

    rollup: str
    materialised: str
    width: str
    late_bucket: str
    place: int
    smaller: str | None = "minute"


def _size(unit: str, width: str, place: int, smaller: str = "minute") -> Size:
    late_bucket = f"time_bucket(interval '{width}', late_minute.bucket)"
    return Size(f"{unit}_rollup", f"{unit}_materialised", width, late_bucket, place, smaller)


SIZES = {
    "day": _size("day", "1 day", 1, "hour"),
    "hour": _size("hour", "1 hour", 2),
    "quarter": _size("quarter", "15 minutes", 3),
    "total": msgspec.structs.replace(
        _size("quarter", "15 minutes", 4), rollup="quarter_total", materialised="total_materialised"
    ),
    "minute": Size("minute_rollup", "minute_materialised", "1 minute", "late_minute.bucket", 5, None),
}
"""The sizes by their names; "total" is over all series."""
SLICES = 6
"""The place of the time up to which there are slices, in the same array."""

AGGREGATES = {
    "readings": "count(*)",
    "plan_sum": "sum(plan)",
    "plan_count": "count(plan)",
    "plan_min": "min(plan)",
    "plan_max": "max(plan)",
    "plan_last": "last(plan, ts) filter (where plan is not null)",
    "plan_at": "max(ts) filter (where plan is not null)",
    "fact_sum": "sum(fact)",
    "fact_count": "count(fact)",
    "fact_min": "min(fact)",
    "fact_max": "max(fact)",
    "fact_last": "last(fact, ts) filter (where fact is not null)",
    "fact_at": "max(ts) filter (where fact is not null)",
}
"""What the columns of a rollup are computed from, beside the series; and when the last plan and the last fact came."""

_PART = re.compile(r"^( *):(\w+)\((.+)\) of (.+)$", re.MULTILINE)
_NAME = re.compile(r"(?<!:):([a-z_]+)")


def fill_in(text: str, parts: Mapping[str, str], edition: str) -> str:
    """The statement with its parts."""

    def part(found: re.Match[str]) -> str:
        name, (size, *asked), columns = found[2], _arguments(found[3]), found[4]
        if name == "exact":
            filled = "\nunion all\n".join(_exact(parts, edition, size, asked, columns))
        elif name == "fresh":
            filled = _fresh(parts["parts/fresh"], SIZES[size].width, asked, columns)
        else:
            filled = _filled(parts[f"parts/{name}.{edition}"], SIZES[size], asked, columns)
        return "\n".join(f"{found[1]}{line}" for line in filled.splitlines())

    return _PART.sub(part, text)


def statement(text: str) -> str:
    """The text of a part without the comment at its beginning."""
    return "\n".join(line for line in text.splitlines() if not line.startswith("--"))


def _exact(parts: Mapping[str, str], edition: str, size: str, asked: list[str], columns: str) -> Iterator[str]:
    first, until, upto = asked
    starts, width = [first], SIZES[size].width
    if edition == "apache":
        starts.append(f"({upto}::timestamptz[])[1]")  # which is null there, and so ignored
    for each in _and_smaller(size) if edition == "community" else ():
        end = f"({upto}::timestamptz[])[{each.place}]"
        bounds = [_latest(starts), f"least({until}, {end})"]
        yield _filled(parts["parts/materialised.community"], each, bounds, columns)
        starts.append(end)
        width = each.width
    if edition == "community":
        end = f"({upto}::timestamptz[])[{SLICES}]"
        names = {"first": _latest(starts), "until": f"least({until}, {end})", "columns": f"bucket, {columns}"}
        yield _named(parts["parts/slices"], names)
        starts.append(end)
    yield _fresh(parts["parts/fresh"], width, [_latest(starts), until], columns)


def _and_smaller(name: str | None) -> Iterator[Size]:
    while name is not None:
        size = SIZES[name]
        yield size
        name = size.smaller


def _latest(starts: list[str]) -> str:
    return f"greatest({', '.join(starts)})" if starts[1:] else starts[0]


def _filled(text: str, size: Size, asked: list[str], columns: str) -> str:
    first, until = asked
    return _named(
        text, msgspec.structs.asdict(size) | {"first": first, "until": until, "columns": f"bucket, {columns}"}
    )


def _fresh(text: str, width: str, asked: list[str], columns: str) -> str:
    first, until = asked
    named = [f"time_bucket(interval '{width}', ts) as bucket"]
    named += [f"{AGGREGATES[each]} as {each}" if each in AGGREGATES else each for each in columns.split(", ")]
    return _named(
        text,
        {
            "columns": columns,
            "aggregates": ",\n    ".join(named),
            "first": first,
            "until": until,
        },
    )


def _named(text: str, names: Mapping[str, str]) -> str:
    """The text of a part with names filled in."""
    return _NAME.sub(lambda found: names[found[1]], statement(text))


def _arguments(text: str) -> list[str]:
    """The arguments, which commas part that aren't within brackets."""
    depth, found = 0, [""]
    for letter in text:
        depth += (letter in "([") - (letter in ")]")
        if letter == "," and depth == 0:
            found.append("")
        else:
            found[-1] += letter
    return [one.strip() for one in found]
