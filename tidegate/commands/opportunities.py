"""`tidegate opportunities`: conversations worth a reply, as they were found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from tidegate.beginning import begin
from tidegate.commands.choices import OfSite
from tidegate.commands.lists import print_found, tell_missing
from tidegate.options import Format, Verbose
from tidegate.running import run_until_done

app = typer.Typer(help="Conversations worth a reply.")


@app.command("list")
def list_(
    site: OfSite = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="So many at most.")] = 20,
    format: Annotated[Format, typer.Option(help="How to print them.")] = Format.TABLE,  # noqa: A002 its own name
    verbose: Verbose = False,
) -> None:
    """List the conversations that are open, the best first, with their scores and why.

    Example: tidegate opportunities list --site x
    """
    names: tuple[str, ...] = ("id", "tier", "score", "author", "text", "url")
    if format is not Format.TABLE:
        names += ("likes", "replies", "site", "post_id", "posted_at", "views", "because", "state", "expires_at")

    async def find(database: Any) -> Sequence[Any]:
        from scraper.store.opportunities import best

        return await best(database, limit=limit, site=site)

    print_found(find, "open conversations", begin(verbose=verbose), format, names=names, roomy="text", limit=limit)


@app.command()
def dismiss(
    numbers: Annotated[list[int], typer.Argument(metavar="ID...", help="As `tidegate opportunities list` has them.")],
    verbose: Verbose = False,
) -> None:
    """Want nothing of these: they are closed, and don't come back.

    One that has a draft is decided on with `tidegate drafts`.

    Example: tidegate opportunities dismiss 12 15
    """
    from tidegate.database_tools import existing_database

    settings = begin(verbose=verbose)
    wanted = [number for number in dict.fromkeys(numbers) if 0 < number < 1 << 63]

    async def work() -> set[int]:
        from scraper.store.opportunities import dismiss as dismiss_opportunities

        async with existing_database(settings) as database:
            return await dismiss_opportunities(database, wanted)

    done = run_until_done(work())
    typer.echo(f"{len(done)} dismissed")
    tell_missing(
        [str(number) for number in dict.fromkeys(numbers)],
        {str(number) for number in done},
        "it is not open; one that has a draft is decided on with `tidegate drafts`",
    )
