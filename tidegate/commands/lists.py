"""What groups of commands do with rows: print what there is, and say what there was not."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any

import typer

from tidegate.options import Format
from tidegate.running import EXIT_FAILURE, run_until_done


def print_found(
    find: Callable[[Any], Awaitable[Sequence[Any]]],
    what: str,
    settings: Any,
    format: Format,  # noqa: A002 the option's own name
    *,
    names: Sequence[str],
    roomy: str,
    limit: int,
) -> None:
    """Print what `find` gets from the database, and say on stderr if that is nothing or not all."""
    from tidegate.database_tools import existing_database
    from tidegate.listing import print_rows

    async def work() -> Sequence[Any]:
        async with existing_database(settings) as database:
            return await find(database)

    rows = run_until_done(work())
    print_rows(rows, format, names=names, roomy=roomy)
    if not rows:
        typer.echo(f"tidegate: there are no {what}", err=True)
    elif len(rows) == limit:
        typer.echo(f"tidegate: these are the first {limit}; --limit shows more", err=True)


def tell_missing(asked: Sequence[str], found: Collection[str], reason: str) -> None:
    """Say of what was asked for and is not there, on stderr, that it is not. Exit code 1 then."""
    missing = [one for one in asked if one not in found]
    for one in missing:
        typer.echo(f"tidegate: {one}: {reason}", err=True)
    if missing:
        raise typer.Exit(EXIT_FAILURE)
