"""Lists of addresses that people have: one a line, or a table with a column `url`; read as they come.

Of a table everything but that column is passed over. Cells may be separated by commas, semicolons or tabs, and hold
line breaks where they are quoted.
"""

from __future__ import annotations

import csv
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

from tidegate.descriptors import read_some
from tidegate.errors import UsageError

COLUMN = "url"
SEPARATORS = ",;\t"
MOST_LINE_BYTES = 1 << 20
MOST_ROW_CHARS = 1 << 20
_BYTE_ORDER_MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"


@dataclass(frozen=True, slots=True)
class Entry:
    """What stands where an address should be, and in which line (1 is the first)."""

    line: int
    text: str


async def batches_in(descriptor: int) -> AsyncIterator[list[Entry]]:
    """The entries of the list, as they come. Raises `UsageError` for what is no list, OSError of the file."""
    reader = ListReader()
    while chunk := await read_some(descriptor):
        if entries := reader.feed(chunk):
            yield entries
    if entries := reader.end():
        yield entries


class ListReader:
    """Makes entries of bytes, however those are cut. Empty lines are left out, and what is not UTF-8 is marked."""

    def __init__(self) -> None:
        self._rest = b""
        self._lines = 0
        self._is_begun = False
        self._table: _Table | None = None

    def feed(self, chunk: bytes) -> list[Entry]:
        """The entries that are whole now. Raises `UsageError` for what is no list."""
        if not self._lines and (chunk.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in chunk):
            raise UsageError("this is no text in UTF-8; save the list as UTF-8 (CSV)")
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        entries = [entry for line in lines for entry in self._line(line + b"\n")]
        if len(self._rest) > MOST_LINE_BYTES:
            raise UsageError(
                f"line {self._lines + 1} is longer than {MOST_LINE_BYTES >> 20} MiB: this is no list of addresses. "
                "What stood before it has been taken"
            )
        return entries

    def end(self) -> list[Entry]:
        """The last of them."""
        entries = list(self._line(self._rest)) if self._rest else []
        self._rest = b""
        return entries + (list(self._table.rows(until=self._lines)) if self._table else [])

    def _line(self, data: bytes) -> Iterator[Entry]:
        self._lines += 1
        line = data.decode(errors="replace")
        if self._lines == 1:
            line = line.removeprefix(_BYTE_ORDER_MARK)
        if self._table is not None:
            self._table.take(line)
            if self._table.is_between_rows:
                yield from self._table.rows(until=self._lines)
        elif line.strip():
            self._table = None if self._is_begun else _table_under(line, self._lines)
            self._is_begun = True
            if self._table is None:
                yield Entry(self._lines, line.strip())


@dataclass(slots=True)
class _Table:
    """Lines that have not come together to whole rows yet."""

    separator: str
    column: int
    waiting: list[str] = field(default_factory=list)
    waiting_chars: int = 0
    quotes: int = 0

    def take(self, line: str) -> None:
        self.waiting.append(line)
        self.waiting_chars += len(line)
        self.quotes += line.count('"')

    @property
    def is_between_rows(self) -> bool:
        """Every quote that was opened is closed; or one never will be, and is not waited for any longer."""
        return self.quotes % 2 == 0 or self.waiting_chars > MOST_ROW_CHARS

    def rows(self, *, until: int) -> Iterator[Entry]:
        """What the lines that wait hold; the last of them is line `until`."""
        first = until - len(self.waiting)
        reader = csv.reader(self.waiting, delimiter=self.separator)
        while True:
            line = first + reader.line_num + 1
            try:
                row = next(reader)
            except StopIteration:
                break
            except csv.Error as error:
                yield Entry(line, f"({error})")
                continue
            if any(cell.strip() for cell in row):
                yield Entry(line, row[self.column].strip() if self.column < len(row) else "")
        self.waiting, self.waiting_chars, self.quotes = [], 0, 0


def _table_under(line: str, number: int) -> _Table | None:
    """The table that this line is the head of; None where it is an entry of a plain list."""
    for separator in SEPARATORS:
        names = [name.strip().lower() for name in next(csv.reader([line], delimiter=separator))]
        if COLUMN in names:
            return _Table(separator, names.index(COLUMN))
    if "://" not in line and any(separator in line for separator in SEPARATORS):
        raise UsageError(f"line {number} is the head of a table without a column {COLUMN!r}: {line.strip()[:80]!r}")
    return None
