"""Rows of the store on a terminal and in files: a few of them, which fit in memory."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from tidegate.encoding import CsvEncoder, JsonLinesEncoder, as_json
from tidegate.formats import console_for_results, plain, table_of
from tidegate.options import Format


def print_rows(rows: Sequence[Mapping[str, Any]], format: Format, *, names: Sequence[str], roomy: str) -> None:  # noqa: A002 the option's own name
    """Print the columns `names` of `rows`; in a table `roomy` gets what room the others leave.

    A table has no column that is empty: an address that is cut off for it can't be copied.
    """
    if format is Format.TABLE:
        names = [name for name in names if any(row[name] is not None for row in rows)]
    values = [[row[name] for name in names] for row in rows]
    if format is Format.TABLE:
        console = console_for_results()
        if rows:
            cells = [[_shown(value) for value in row] for row in values]
            heads = [name.replace("_", " ") for name in names]
            console.print(table_of(heads, cells, roomy=roomy, width=console.width))
        return
    if format is Format.JSON:
        text = json.dumps([as_json(names, row) for row in values], ensure_ascii=False, indent=2) + "\n"
    else:
        encoder = CsvEncoder(names) if format is Format.CSV else JsonLinesEncoder(names)
        text = (encoder.head() + encoder.rows(values) + encoder.tail()).decode()
    # As bytes: a text stream would make line ends of its own.
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode())
    sys.stdout.buffer.flush()


def _shown(value: Any) -> str:
    if value is None:
        return "–"  # noqa: RUF001 a dash that is not a minus
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.2f}"
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M")
    return plain(str(value))
