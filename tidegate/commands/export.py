"""`tidegate export`: see `tidegate.exporting`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scraper.store.exportable import Exportable
from tidegate.beginning import begin
from tidegate.commands.choices import OfSite
from tidegate.export_format import ExportFormat
from tidegate.options import MemoryLimit, Verbose
from tidegate.running import run_until_done


def export(  # noqa: PLR0917 options of a command
    table: Annotated[Exportable, typer.Argument(help="What to export.")],
    format: Annotated[ExportFormat, typer.Option(help="How to write it.")] = ExportFormat.CSV,  # noqa: A002 its own name
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file to write.", show_default="stdout")
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="Only what is new since then: 2026-01-02, 2026-01-02T03:04Z, 90m, 24h, 7d, 4w.")
    ] = None,
    site: OfSite = None,
    memory_limit_mb: MemoryLimit = None,
    verbose: Verbose = False,
) -> None:
    """Write posts, snapshots, opportunities or drafts for another program, however many there are.

    A file is there under its name only when it is whole.

    In csv a text that a spreadsheet would take for a formula gets an apostrophe; jsonl and parquet are exact.

    Parquet needs pyarrow: the extra "parquet" of tidegate.

    Examples: tidegate export posts | tidegate export snapshots --format jsonl --since 7d --output week.jsonl
    """
    from datetime import UTC, datetime

    from tidegate.exporting import export as export_table
    from tidegate.exporting import refuse_bytes_on_a_terminal, since_when

    settings = begin(verbose=verbose, memory_limit_mb=memory_limit_mb)
    refuse_bytes_on_a_terminal(format, output)
    moment = since_when(since, datetime.now(UTC)) if since else None
    count = run_until_done(export_table(settings, table, format, output, since=moment, site=site))
    if count == 0 and (site or since):
        which = " ".join(
            [*([f"of the site {site}"] if site else []), *([f"since {moment:%Y-%m-%d %H:%M} UTC"] if moment else [])]
        )
        typer.echo(f"tidegate: there are no {table.value} {which}", err=True)
    elif output is not None and str(output) != "-":
        typer.echo(f"tidegate: {count:,} {table.value} in {output}", err=True)
