"""The names of the formats of an export. They are here alone so that the command line loads nothing else for them."""

from __future__ import annotations

from enum import StrEnum


class ExportFormat(StrEnum):
    """How rows are written; see `tidegate.encoding`."""

    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"
