"""Rows as bytes: csv, jsonl, parquet. What is kept is said exactly, with one exception.

A spreadsheet takes a cell for a formula that begins with =, +, - or @, also after white space, and what others have
written must not be run on opening a file. In csv such a text gets an apostrophe before it; numbers are left alone.
jsonl and parquet are as the store has it.

Unknown is null, in csv an empty cell. Times are ISO 8601 in UTC. What is JSON in the store is an object in jsonl, and
its text in csv and parquet.
"""

from __future__ import annotations

import csv
import importlib
import io
import json
import math
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import Any, Protocol
from uuid import UUID

from scraper.store.export import Column
from tidegate.errors import UsageError
from tidegate.export_format import ExportFormat
from tidegate.formats import without_formula

ROW_GROUP_ROWS = 20_000
ROW_GROUP_BYTES = 8 << 20

Row = Sequence[Any]


class Encoder(Protocol):
    """The bytes of a file: its head, its rows in as many parts as there are, its tail."""

    def head(self) -> bytes:
        """What comes before all rows."""
        ...

    def rows(self, rows: Sequence[Row]) -> bytes:
        """What there is to write now that these have come; maybe nothing yet."""
        ...

    def tail(self) -> bytes:
        """What comes after all rows."""
        ...


def encoder_for(format: ExportFormat, columns: Sequence[Column]) -> Encoder:  # noqa: A002 the option's own name
    """Raises `UsageError` where the library for it is not installed."""
    if format is ExportFormat.PARQUET:
        return ParquetEncoder(columns)
    names = [column.name for column in columns]
    return CsvEncoder(names) if format is ExportFormat.CSV else JsonLinesEncoder(names)


class CsvEncoder:
    """RFC 4180: always a header, lines end in CR LF, cells with commas, quotes or line breaks are quoted."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names

    def head(self) -> bytes:
        """The names of the columns."""
        return self.rows([self._names])

    def rows(self, rows: Sequence[Row]) -> bytes:
        """A record for each row."""
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\r\n").writerows([_cell(value) for value in row] for row in rows)
        return text.getvalue().encode()

    def tail(self) -> bytes:
        """Nothing."""
        return b""


class JsonLinesEncoder:
    """One JSON object a line."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names

    def head(self) -> bytes:
        """Nothing."""
        return b""

    def rows(self, rows: Sequence[Row]) -> bytes:
        """An object for each row, with all its columns."""
        return "".join(
            json.dumps(as_json(self._names, row), ensure_ascii=False, separators=(",", ":")) + "\n" for row in rows
        ).encode()

    def tail(self) -> bytes:
        """Nothing."""
        return b""


class ParquetEncoder:
    """Row groups of at most 20,000 rows and not much over 8 MiB: no more than that is held at a time."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._arrow, parquet = _pyarrow()
        self._schema = self._arrow.schema([(column.name, self._arrow_type(column.type)) for column in columns])
        self._written = io.BytesIO()
        self._sink = self._arrow.PythonFile(_Sink(self._written), mode="w")
        self._writer = parquet.ParquetWriter(self._sink, self._schema, compression="zstd")
        self._waiting: list[Any] = []

    def head(self) -> bytes:
        """What tells that it is Parquet."""
        return self._taken()

    def rows(self, rows: Sequence[Row]) -> bytes:
        """A row group, when enough has come together."""
        columns = zip(*rows, strict=True) if rows else ([] for _ in self._schema)
        arrays = [
            self._arrow.array([_arrow_value(value) for value in column], type=field.type)
            for column, field in zip(columns, self._schema, strict=True)
        ]
        self._waiting.append(self._arrow.record_batch(arrays, schema=self._schema))
        is_full = (
            sum(batch.num_rows for batch in self._waiting) >= ROW_GROUP_ROWS
            or sum(batch.nbytes for batch in self._waiting) >= ROW_GROUP_BYTES
        )
        return self._row_group() if is_full else b""

    def tail(self) -> bytes:
        """The last row group, and the table of contents."""
        last = self._row_group() if self._waiting else b""
        self._writer.close()
        return last + self._taken()

    def _row_group(self) -> bytes:
        table = self._arrow.Table.from_batches(self._waiting, schema=self._schema)
        self._waiting = []
        self._writer.write_table(table, row_group_size=ROW_GROUP_ROWS)
        return self._taken()

    def _taken(self) -> bytes:
        self._sink.flush()
        data = self._written.getvalue()
        self._written.seek(0)
        self._written.truncate()
        return data

    def _arrow_type(self, name: str) -> Any:
        arrow = self._arrow
        return {
            "int8": arrow.int64(),
            "int4": arrow.int32(),
            "int2": arrow.int16(),
            "float8": arrow.float64(),
            "float4": arrow.float32(),
            "bool": arrow.bool_(),
            "timestamptz": arrow.timestamp("us", tz="UTC"),
            "date": arrow.date32(),
        }.get(name, arrow.string())


class _Sink(io.RawIOBase):
    """Knows how far it has come, also when what was written has been taken away."""

    def __init__(self, written: io.BytesIO) -> None:
        super().__init__()
        self._written = written
        self._position = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def write(self, data: Any) -> int:
        count = self._written.write(data)
        self._position += count
        return count


def as_json(names: Sequence[str], row: Row) -> dict[str, Any]:
    """A row as JSON has it."""
    return {name: _plain(value) for name, value in zip(names, row, strict=True)}


def _moment(value: datetime) -> str:
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


_PLAIN: dict[type, Callable[[Any], Any]] = {datetime: _moment, date: date.isoformat, UUID: str, float: _finite}
"""What JSON has not: times, and numbers that are none. By type: to test for each in turn takes far longer."""

_CELLS: dict[type, Callable[[Any], Any]] = {
    **_PLAIN,
    str: without_formula,
    bool: ("false", "true").__getitem__,
    dict: _json,
    list: _json,
}


def _plain(value: Any) -> Any:
    make = _PLAIN.get(type(value))
    return value if make is None else make(value)


def _cell(value: Any) -> Any:
    make = _CELLS.get(type(value))
    return value if make is None else make(value)


def _arrow_value(value: Any) -> Any:
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return str(value) if isinstance(value, UUID) else value


def _pyarrow() -> tuple[Any, Any]:
    try:
        return importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    except ImportError:
        raise UsageError(
            "parquet needs pyarrow, which is not installed: `pip install 'tidegate[parquet]'`, "
            "or choose --format csv or jsonl"
        ) from None
