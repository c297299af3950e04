"""The options that commands share."""

from __future__ import annotations

import json
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from tidegate.terminal import disarmed


class Format(StrEnum):
    """How results are printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    JSONL = "jsonl"


Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Chromium = Annotated[Path | None, typer.Option(help="The Chromium to use.", show_default="found by itself")]
MemoryLimit = Annotated[int | None, typer.Option(help="A limit of your own, in MiB, below that of the machine.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Log what happens, on stderr.")]


def print_json(told: Any) -> None:
    """What `--json` prints: text that people can read, and nothing in it that a terminal would obey."""
    text = json.dumps(told, indent=2, default=_plain, ensure_ascii=False)
    typer.echo(disarmed(text))


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, date | datetime) else str(value)
