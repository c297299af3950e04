"""`tidegate export`: a table to a file or to stdout, a page at a time."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from scraper.store.export import columns_of, rows_of
from scraper.store.exportable import Exportable
from tidegate.database_tools import existing_database
from tidegate.encoding import encoder_for
from tidegate.errors import UsageError
from tidegate.export_format import ExportFormat
from tidegate.outputs import STDOUT, opened
from tidegate.program import guard_for
from tidegate.settings import Settings

_AGO = re.compile(r"(\d{1,6})\s*([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
STDOUT_FD = 1


async def export(
    settings: Settings,
    table: Exportable,
    format: ExportFormat,  # noqa: A002 the option's own name
    output: Path | None,
    *,
    since: datetime | None = None,
    site: str | None = None,
) -> int:
    """Write the rows of `table` to `output`. Returns how many there were."""
    guard = guard_for(settings)
    count = 0
    async with existing_database(settings) as database:
        encoder = encoder_for(format, await columns_of(database, table))
        async with opened(output) as write:
            await write(encoder.head())
            async for page in rows_of(database, table, since=since, site=site, monitor=guard.monitor):
                await write(encoder.rows([tuple(row.values()) for row in page]))
                count += len(page)
                # The next one is not to be held beside it.
                del page
            await write(encoder.tail())
    return count


def refuse_bytes_on_a_terminal(format: ExportFormat, output: Path | None) -> None:  # noqa: A002 the option's own name
    """Raise `UsageError` for what would only make a terminal beep."""
    if format is ExportFormat.PARQUET and output in {None, STDOUT} and os.isatty(STDOUT_FD):
        raise UsageError("parquet is nothing to look at; name a file with --output, or pipe it")


def since_when(text: str, now: datetime) -> datetime:
    """What --since means: "2026-01-02", "2026-01-02T03:04" (in UTC where it names no zone), or "7d" before `now`.

    Raises `UsageError`.
    """
    ago = _AGO.fullmatch(text.strip().lower())
    try:
        if ago:
            return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        moment = datetime.fromisoformat(text.strip())
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise UsageError(
            f"--since {text!r} is no time; write 2026-01-02, 2026-01-02T03:04Z, or an age: 90m, 24h, 7d, 4w"
        ) from None
