"""A board as JSON and as CSV."""

import csv
import io
from typing import Any

import msgspec

from service.board.board import Board, Row, Section
from service.spreadsheets import BYTE_ORDER_MARK, guarded

COLUMNS = (
    "plan",
    "due",
    "fact",
    "difference",
    "plan_total",
    "fact_total",
    "ahead",
    "attained",
    "needed_an_hour",
)

STANDING = ("target", "plan", "fact", "ahead", "minutes_ahead", "attained", "forecast", "needed_an_hour")
"""Where plan and fact stand: the properties of a Standing, service/period/standing.py."""


def as_json(board: Board, *, split: bool) -> bytes:
    """`{from, until, step, tz, due_until, rows, …}` with where plan and fact stand; with panels, each has `series` and
    that by itself, in `sections`; `sites_away` where there are sites of which nothing is known."""
    period = board.period
    made: dict[str, Any] = {
        "from": period.start,
        "until": period.end,
        "step": period.step,
        "tz": period.zone,
        "due_until": board.due,
    }
    if board.away:
        made["sites_away"] = board.away
    if split:
        made["sections"] = [
            {"series": section.name, "others": section.others, **_section(section)} for section in board.sections
        ]
    else:
        made.update(_section(board.sections[0]))
    return msgspec.json.encode(made)


def as_csv(board: Board, *, split: bool, excel: bool = False) -> bytes:
    """The rows as a header and a line for each; what isn't known is an empty field."""
    out = io.StringIO(newline="")
    out.write(BYTE_ORDER_MARK if excel else "")
    write = csv.writer(out).writerow
    write(["from", "until", *(["series"] if split else []), *COLUMNS, "notes"])
    for section in board.sections:
        name = [_text(section.name or "", excel=excel)] if split else []
        for row in section.rows:
            notes = _text("; ".join(note.note for note in row.notes), excel=excel)
            write([*(_instant(moment) for moment in (row.start, row.end)), *name, *_numbers(row), notes])
    return out.getvalue().encode()


def _section(section: Section) -> dict[str, Any]:
    return {
        **{name: getattr(section.standing, name) for name in STANDING},
        "newest_fact": section.newest,
        "rows": [
            {
                "from": row.start,
                "until": row.end,
                **dict(zip(COLUMNS, _numbers(row), strict=True)),
                "notes": row.notes,
            }
            for row in section.rows
        ],
    }


def _numbers(row: Row) -> list[float | None]:
    return [getattr(row, name) for name in COLUMNS]


def _instant(moment: Any) -> str:
    return str(moment.isoformat()).replace("+00:00", "Z")


def _text(text: str, *, excel: bool) -> str:
    return guarded(text) if excel else text
