"""The numbers of a chart as JSON and as CSV."""

import csv
import io

import msgspec

from service.charts.drawing.picture import Picture
from service.period.bucket import Panel
from service.spreadsheets import BYTE_ORDER_MARK, guarded


def as_json(picture: Picture) -> bytes:
    """`{from, until, step, tz, agg, buckets}`. With panels, each bucket names its series, null for the `others`."""
    period = picture.period
    made: dict[str, object] = {
        "from": period.start,
        "until": period.end,
        "step": period.step,
        "tz": period.zone,
        "agg": picture.agg,
    }
    if picture.split:
        made["others"] = next((panel.others for panel in picture.numbers.panels if panel.others), 0)
        made["buckets"] = [bucket for panel in picture.numbers.panels for bucket in _named(panel)]
    else:
        made["buckets"] = [bucket for panel in picture.numbers.panels for bucket in panel.buckets]
    return msgspec.json.encode(made)


def as_csv(picture: Picture, *, excel: bool = False) -> bytes:
    """The same as a header and a line for each bucket; a value that is missing is an empty field. `excel`: for a
    spreadsheet instead of a program."""
    out = io.StringIO(newline="")
    out.write(BYTE_ORDER_MARK if excel else "")
    write = csv.writer(out).writerow
    write(["bucket", *(["series"] if picture.split else []), "plan", "fact", "readings"])
    for panel in picture.numbers.panels:
        name = [guarded(panel.name or "") if excel else panel.name or ""] if picture.split else []
        for bucket in panel.buckets:
            start = bucket.bucket.isoformat().replace("+00:00", "Z")
            write([start, *name, bucket.plan, bucket.fact, bucket.readings])
    return out.getvalue().encode()


def _named(panel: Panel) -> list[dict[str, object]]:
    return [{**msgspec.structs.asdict(bucket), "series": panel.name} for bucket in panel.buckets]
