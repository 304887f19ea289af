"""The numbers of a chart as JSON and as CSV."""

import csv
import io
from collections.abc import Sequence

import msgspec

from service.charts.drawing.note_marks import notes_of
from service.charts.drawing.picture import Picture
from service.period.bucket import Bucket
from service.spreadsheets import BYTE_ORDER_MARK, guarded

NUMBERS = ("bucket", "plan", "fact", "readings")
TOTALS = ("plan_total", "fact_total", "ahead")
"""What each bucket has beside its own numbers where there are running totals."""


def as_json(picture: Picture) -> bytes:
    """`{from, until, step, tz, agg, buckets}`, and `hours` and `days` where others are left out; `kept_from` where only
    minutes are kept of what lies before, and `kept_as` where only quarters, hours or days are; `sites_away` where there
    are sites of which nothing is known. With panels, each bucket names its series, null for the `others`."""
    period = picture.period
    names = (*NUMBERS, *(TOTALS if picture.running else ()))
    made: dict[str, object] = {
        "from": period.start,
        "until": period.end,
        "step": period.step,
        "tz": period.zone,
        "agg": picture.agg,
        **_left_out(picture),
        **({"plan": str(picture.earlier)} if picture.earlier else {}),
    }
    if picture.numbers.since is not None:
        made["kept_from"] = picture.numbers.since
    if picture.coarser is not None:
        made["kept_as"] = picture.coarser.rollup
    if picture.numbers.away:
        made["sites_away"] = picture.numbers.away
    if picture.notes:
        made["notes"] = picture.numbers.notes
    if picture.split:
        made["others"] = next((panel.others for panel in picture.numbers.panels if panel.others), 0)
        made["buckets"] = [
            {**_fields(bucket, names), "series": panel.name}
            for panel in picture.numbers.panels
            for bucket in panel.buckets
        ]
    else:
        made["buckets"] = [_fields(bucket, names) for panel in picture.numbers.panels for bucket in panel.buckets]
    return msgspec.json.encode(made)


def as_csv(picture: Picture, *, excel: bool = False) -> bytes:
    """The same as a header and a line for each bucket; a value that is missing is an empty field. `excel`: for a
    spreadsheet instead of a program."""
    out = io.StringIO(newline="")
    out.write(BYTE_ORDER_MARK if excel else "")
    write = csv.writer(out).writerow
    totals, said = TOTALS if picture.running else (), ["notes"] if picture.notes else []
    write(["bucket", *(["series"] if picture.split else []), "plan", "fact", "readings", *totals, *said])
    ends = dict(picture.period.kept)
    for panel in picture.numbers.panels:
        notes = notes_of(picture, panel)
        name = [guarded(panel.name or "") if excel else panel.name or ""] if picture.split else []
        for bucket in panel.buckets:
            start = bucket.bucket.isoformat().replace("+00:00", "Z")
            text = "; ".join(note.note for note in notes if bucket.bucket <= note.ts < ends[bucket.bucket])
            texts = [guarded(text) if excel else text] if picture.notes else []
            ran = [getattr(bucket, total) for total in totals]
            write([start, *name, bucket.plan, bucket.fact, bucket.readings, *ran, *texts])
    return out.getvalue().encode()


def _left_out(picture: Picture) -> dict[str, str]:
    """The hours and days outside of which there are no buckets."""
    kept = picture.period.open
    named = {"hours": kept.hours_text, "days": kept.days_text} if kept else {}
    return {name: text for name, text in named.items() if text is not None}


def _fields(bucket: Bucket, names: Sequence[str]) -> dict[str, object]:
    return {name: getattr(bucket, name) for name in names}
