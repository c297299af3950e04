"""`tidegate targets`: see `tidegate.following`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from tidegate.beginning import begin
from tidegate.commands.choices import AllowPrivate, OfSite, Site, TheirSite
from tidegate.commands.lists import print_found, tell_missing
from tidegate.options import Format, Verbose
from tidegate.running import run_until_done

app = typer.Typer(help="Profiles, searches and feeds that are looked through, and authors who are left alone.")

Authors = Annotated[list[str], typer.Argument(metavar="AUTHOR...", help="Their handles.")]
Limit = Annotated[int, typer.Option(min=1, max=10_000, help="So many at most.")]
HowToPrint = Annotated[Format, typer.Option(help="How to print them.")]


@app.command("add")
def add(
    urls: Annotated[list[str], typer.Argument(metavar="URL...", help="Addresses of profiles, searches or feeds.")],
    watch: Annotated[
        bool | None,
        typer.Option("--watch/--no-watch", help="Follow the posts that it shows, too.", show_default="no"),
    ] = None,
    site: Site = None,
    allow_private: AllowPrivate = False,
    verbose: Verbose = False,
) -> None:
    """Look through these for conversations worth a reply. Nothing is added if one of the addresses is none.

    Examples: tidegate targets add https://news.ycombinator.com/newest | tidegate targets add --watch https://x.com/ada
    """
    from scraper.addresses import AddressPolicy
    from tidegate.errors import UsageError
    from tidegate.following import Place, Refused, target_at
    from tidegate.program import definitions_for, open_database

    settings = begin(verbose=verbose, allow_private=allow_private or None)
    definitions, policy = definitions_for(settings), AddressPolicy(allow_private=settings.allow_private)
    found = [target_at(url, definitions, site=site, policy=policy) for url in dict.fromkeys(urls)]
    bad = [one for one in found if isinstance(one, Refused)]
    if bad:
        raise UsageError("nothing was added: " + "; ".join(map(str, bad)))
    targets = [(one.site, one.url) for one in found if isinstance(one, Place)]

    async def work() -> int:
        from scraper.store.target_list import keep

        async with open_database(settings) as database:
            return await keep(database, targets, is_watched=watch)

    new = run_until_done(work())
    typer.echo(f"{new} new, {len(targets) - new} known")


@app.command("list")
def list_(
    site: OfSite = None,
    limit: Limit = 50,
    format: HowToPrint = Format.TABLE,  # noqa: A002 its own name
    verbose: Verbose = False,
) -> None:
    """List the targets, whose turn is next first.

    Example: tidegate targets list
    """
    names: tuple[str, ...] = (
        *("site", "is_watched", "due_at", "last_harvested_at"),
        *("last_outcome", "failures", "held_reason", "url"),
    )

    async def find(database: Any) -> list[Any]:
        from scraper.store.target_list import listed

        return await listed(database, site=site, limit=limit)

    print_found(find, "targets", begin(verbose=verbose), format, names=names, roomy="url", limit=limit)


@app.command("remove")
def remove(
    urls: Annotated[list[str], typer.Argument(metavar="URL...", help="As `tidegate targets list` has them.")],
    verbose: Verbose = False,
) -> None:
    """Look through these no more. What was found there, and what is followed, stays.

    Example: tidegate targets remove https://news.ycombinator.com/newest
    """
    from tidegate.database_tools import existing_database

    settings = begin(verbose=verbose)
    wanted = list(dict.fromkeys(_speakable(url) for url in urls))

    async def work() -> set[str]:
        from scraper.store.target_list import remove as remove_targets

        async with existing_database(settings) as database:
            return await remove_targets(database, wanted)

    removed = run_until_done(work())
    typer.echo(f"{len(removed)} removed")
    tell_missing(wanted, removed, "there is no such target; `tidegate targets list` shows which there are")


@app.command("block")
def block(authors: Authors, site: TheirSite, verbose: Verbose = False) -> None:
    """Never find anything of these authors worth a reply.

    Example: tidegate targets block @ada --site x
    """
    from tidegate.following import author_named
    from tidegate.program import definitions_for, open_database

    settings = begin(verbose=verbose)
    definitions_for(settings).by_name(site)
    handles = list(dict.fromkeys(map(author_named, authors)))

    async def work() -> int:
        from scraper.store.target_list import block as block_authors

        async with open_database(settings) as database:
            return await block_authors(database, site, handles)

    new = run_until_done(work())
    typer.echo(f"{new} new, {len(handles) - new} known")


@app.command("unblock")
def unblock(authors: Authors, site: TheirSite, verbose: Verbose = False) -> None:
    """Take back that these authors are left alone.

    Example: tidegate targets unblock @ada --site x
    """
    from tidegate.database_tools import existing_database
    from tidegate.following import author_named

    settings = begin(verbose=verbose)
    handles = list(dict.fromkeys(map(author_named, authors)))

    async def work() -> set[str]:
        from scraper.store.target_list import unblock as unblock_authors

        async with existing_database(settings) as database:
            return await unblock_authors(database, site, handles)

    freed = run_until_done(work())
    typer.echo(f"{len(freed)} unblocked")
    tell_missing(handles, freed, f"not blocked on {site}")


@app.command("blocked")
def blocked(
    site: OfSite = None,
    limit: Limit = 1000,
    format: HowToPrint = Format.TABLE,  # noqa: A002 its own name
    verbose: Verbose = False,
) -> None:
    """List the authors who are left alone.

    Example: tidegate targets blocked --site x
    """

    async def find(database: Any) -> list[Any]:
        from scraper.store.target_list import blocked as blocked_authors

        return await blocked_authors(database, site=site, limit=limit)

    names = ("site", "author", "added_at")
    print_found(find, "blocked authors", begin(verbose=verbose), format, names=names, roomy="author", limit=limit)


def _speakable(url: str) -> str:
    """An address that the database can be asked for: what can't be written there is not there."""
    return url.strip().encode(errors="replace").decode().replace("\0", "?")
