"""Readings as an Arrow stream and as a Parquet file, for programs that work with columns: pandas, polars, DuckDB. No
other module needs PyArrow, which is an extra."""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from service.intake.copy_rows import SINCE_1970
from service.store import Columns

SCHEMA = pa.schema(
    [
        pa.field("ts", pa.timestamp("us", "UTC"), nullable=False),
        pa.field("series", pa.string(), nullable=False),
        pa.field("plan", pa.float64()),
        pa.field("fact", pa.float64()),
        pa.field("attributes", pa.string()),
    ]
)
GROUP_ROWS, GROUP_BYTES = 100_000, 8 * 2**20
"""A row group of a Parquet file has so many readings, or takes so many bytes of memory until it is written. Readers
skip and decompress whole groups, and want them large."""


class ArrowStream:
    """Writes an Arrow IPC stream, a record batch for each part."""

    def __init__(self) -> None:
        self._sink = _Sink()
        self._writer = pa.ipc.new_stream(pa.PythonFile(self._sink, "w"), SCHEMA)

    def add(self, part: Columns) -> bytes:
        """What the stream goes on with."""
        self._writer.write_batch(_batch(part))
        return self._sink.taken()

    def end(self) -> bytes:
        """The end of the stream; without any readings, all of it."""
        self._writer.close()
        return self._sink.taken()


class ParquetFile:
    """Writes a Parquet file, in row groups of several parts."""

    def __init__(self) -> None:
        self._sink = _Sink()
        self._writer = parquet.ParquetWriter(pa.PythonFile(self._sink, "w"), SCHEMA, compression="zstd")
        self._waiting: list[Any] = []

    def add(self, part: Columns) -> bytes:
        """What the file goes on with: mostly nothing, until there are enough readings for a row group."""
        self._waiting.append(_batch(part))
        rows, size = sum(one.num_rows for one in self._waiting), sum(one.nbytes for one in self._waiting)
        if rows >= GROUP_ROWS or size >= GROUP_BYTES:
            self._write()
        return self._sink.taken()

    def end(self) -> bytes:
        """The end of the file, with its directory; without any readings, all of it."""
        if self._waiting:
            self._write()
        self._writer.close()
        return self._sink.taken()

    def _write(self) -> None:
        table = pa.Table.from_batches(self._waiting)
        self._waiting = []
        self._writer.write_table(table, row_group_size=table.num_rows)


def _batch(part: Columns) -> Any:
    """The readings as a record batch, made of their buffers."""
    names = pa.array(part.names.values(), pa.string())
    numbers = pa.array(part.names.keys(), pa.int64())
    series = names.take(pc.index_in(_column(part.numbers, pa.int64()), value_set=numbers))
    ts = pc.add(_column(part.ts, pa.int64()), SINCE_1970).view(SCHEMA.field("ts").type)
    columns = [ts, series, _values(part.plan), _values(part.fact), _texts(part)]
    return pa.record_batch(columns, schema=SCHEMA)


def _column(values: "memoryview[int] | memoryview[float]", kind: Any) -> Any:
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(values)])


def _values(values: "memoryview[float]") -> Any:
    """The column of a number, null where it is absent."""
    column = _column(values, pa.float64())
    absent = pc.is_nan(column)
    return pc.if_else(absent, None, column) if pc.any(absent).as_py() else column


def _texts(part: Columns) -> Any:
    if part.attributes is None:
        return pa.nulls(len(part.ts), pa.string())
    return pa.array(part.attributes, pa.binary()).cast(pa.string())


class _Sink:
    """A file of which is taken what was written since."""

    closed = False

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, piece: Any) -> int:
        self._pieces.append(bytes(piece))
        return len(self._pieces[-1])

    def taken(self) -> bytes:
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)

    def flush(self) -> None:
        """Nothing, for a file in memory."""

    def close(self) -> None:
        """Nothing either: what was written is still to be taken."""
