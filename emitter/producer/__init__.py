"""A producer of readings, to import or to copy; it uses nothing else of this project.

    async with Producer("ws://localhost:8080/", spool="readings.sqlite") as producer:
        await producer.send(series="line 1", plan=40, fact=38)

From the outside in: `producer` is the interface; `sender` has the connection; `exchange` decides what to send and what
an answer means; `window` holds the batches in flight, `spool` all unacknowledged ones.
"""

from emitter.producer.answers import Answer, Duplicate, Problem, Refused, Tally, Written
from emitter.producer.errors import (
    BadReading,
    BadToken,
    ProducerError,
    Rejected,
    SpoolError,
    SpoolFull,
    SpoolInUse,
    Undelivered,
    Unreachable,
)
from emitter.producer.link import Link
from emitter.producer.producer import Producer
from emitter.producer.readings import Batch, Reading, make_batch

__all__ = [
    "Answer",
    "BadReading",
    "BadToken",
    "Batch",
    "Duplicate",
    "Link",
    "Problem",
    "Producer",
    "ProducerError",
    "Reading",
    "Refused",
    "Rejected",
    "SpoolError",
    "SpoolFull",
    "SpoolInUse",
    "Tally",
    "Undelivered",
    "Unreachable",
    "Written",
    "make_batch",
]
