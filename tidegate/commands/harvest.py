"""`tidegate harvest`: see `tidegate.harvest`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from tidegate.beginning import begin
from tidegate.commands.choices import AllowPrivate, Site
from tidegate.options import Chromium, Format, MemoryLimit, Verbose
from tidegate.running import EXIT_FAILURE, run_until_done


def harvest(  # noqa: PLR0917 options of a command
    sources: Annotated[list[str], typer.Argument(metavar="FILE-OR-URL...", help="Feeds, or saved pages of some.")],
    everything: Annotated[bool, typer.Option("--all", help="Show what is not worth a reply, too, and why.")] = False,
    format: Annotated[Format, typer.Option(help="How to print them.")] = Format.TABLE,  # noqa: A002 its own name
    site: Site = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="So many posts of a feed at most.")] = 100,
    allow_private: AllowPrivate = False,
    chromium: Chromium = None,
    memory_limit_mb: MemoryLimit = None,
    verbose: Verbose = False,
) -> None:
    """Look through feeds once, and show which conversations are worth a reply by your [scoring]. Nothing is stored.

    What `tidegate targets add` has is looked through again and again, and kept.

    Example: tidegate harvest https://news.ycombinator.com/newest --all
    """
    from datetime import UTC, datetime

    from scraper.outcome import Outcome
    from tidegate.harvest import judged, others_in_words
    from tidegate.listing import print_rows
    from tidegate.program import definitions_for, open_program, sharing_pace
    from tidegate.scrape import scrape, scrape_feeds, understand

    settings = begin(
        verbose=verbose,
        chromium=chromium,
        memory_limit_mb=memory_limit_mb,
        allow_private=allow_private or None,
    )
    definitions = definitions_for(settings)
    inputs = [understand(source, definitions, site=site, url=None) for source in sources]

    async def work() -> list[Any]:
        async with open_program(settings, definitions=definitions) as opened, sharing_pace(opened) as program:
            saved = [page for page in inputs if page.saved is not None]
            feeds = [page for page in inputs if page.saved is None]
            nobody = lambda: None  # noqa: E731 nobody counts
            pages = await scrape(program, saved, nobody)
            return [*pages, *await scrape_feeds(program, feeds, limit=limit, hand_on=None, tell=nobody)]

    pages = run_until_done(work())
    posts = (post for page in pages for post in page.report.posts)
    found = judged(posts, datetime.now(UTC), settings.scoring)
    shown = [one.as_row() for one in found if everything or one.tier is not None]
    names: tuple[str, ...] = ("tier", "score", "author", "text", "because", "url")
    if format is not Format.TABLE:
        names += ("site", "post_id", "posted_at", "likes", "replies", "views")
    print_rows(shown, format, names=names, roomy="text")
    if not everything and (others := others_in_words(found)):
        typer.echo(f"tidegate: {others}; --all shows them", err=True)
    failed = [page for page in pages if page.report.outcome not in {Outcome.OK, Outcome.EMPTY}]
    for page in failed:
        typer.echo(f"tidegate: {page.source}: {page.report.outcome.value}: {page.report.reason}", err=True)
    if failed:
        raise typer.Exit(EXIT_FAILURE)
