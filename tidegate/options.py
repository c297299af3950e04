"""The options that commands share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Format(StrEnum):
    """How results are printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    JSONL = "jsonl"


Chromium = Annotated[Path | None, typer.Option(help="The Chromium to use.", show_default="found by itself")]
MemoryLimit = Annotated[int | None, typer.Option(help="A limit of your own, in MiB, below that of the machine.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Log what happens, on stderr.")]
