"""`tidegate posts`: see `tidegate.following`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tidegate.beginning import begin
from tidegate.commands.choices import AllowPrivate, OfSite, Site
from tidegate.commands.lists import print_found
from tidegate.options import Format, Verbose
from tidegate.running import EXIT_FAILURE, run_until_done

if TYPE_CHECKING:
    from tidegate.following import Added

app = typer.Typer(help="The posts whose numbers are read: add some, look at them, take some away.")


@app.command("add")
def add(
    urls: Annotated[list[str], typer.Argument(metavar="URL...", help="Addresses of posts.")],
    site: Site = None,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave out what is no address of a post, and add the others.")
    ] = False,
    allow_private: AllowPrivate = False,
    verbose: Verbose = False,
) -> None:
    """Follow posts: their numbers are read from now on. Nothing is added if one of the addresses is no post's.

    Examples: tidegate posts add https://news.ycombinator.com/item?id=1 | tidegate posts add --site mastodon URL
    """
    from scraper.addresses import AddressPolicy
    from tidegate.errors import UsageError
    from tidegate.following import Added, Refused, add_posts, post_at, unknown_hosts
    from tidegate.program import definitions_for, open_database

    settings = begin(verbose=verbose, allow_private=allow_private or None)
    definitions, policy = definitions_for(settings), AddressPolicy(allow_private=settings.allow_private)
    found = [post_at(url, definitions, site=site, policy=policy) for url in urls]
    bad = [one for one in found if isinstance(one, Refused)]
    if bad and not skip_bad:
        raise UsageError(
            f"nothing was added, as {len(bad)} of {len(urls)} can't be (--skip-bad adds the others): "
            + "; ".join(map(str, bad))
        )
    posts = [one for one in found if not isinstance(one, Refused)]

    async def work() -> tuple[Added, list[str]]:
        async with open_database(settings) as database:
            return await add_posts(database, posts), await unknown_hosts(posts)

    added, unknown = run_until_done(work()) if posts else (Added(), [])
    for one in bad:
        added.refuse(one)
    _tell(added)
    for host in unknown:
        typer.echo(f"tidegate: {host}: no such name is known now; its posts are followed all the same", err=True)
    if added.refusals > len(bad):
        raise typer.Exit(EXIT_FAILURE)


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A table with a column url, or an address a line; -.")],
    site: Site = None,
    allow_private: AllowPrivate = False,
    verbose: Verbose = False,
) -> None:
    """Follow the posts of a list: a CSV file with a column `url`, or one address a line; `-` is stdin.

    What can't be followed is left out and told with its line; exit code 1 then.

    Examples: tidegate posts import posts.csv | grep item urls.txt | tidegate posts import -
    """
    import os
    import sys

    from scraper.addresses import AddressPolicy
    from tidegate.errors import UsageError
    from tidegate.following import import_posts
    from tidegate.program import definitions_for, open_database

    settings = begin(verbose=verbose, allow_private=allow_private or None)
    definitions, policy = definitions_for(settings), AddressPolicy(allow_private=settings.allow_private)
    if site:
        definitions.by_name(site)
    try:
        descriptor = sys.stdin.fileno() if str(file) == "-" else os.open(file, os.O_RDONLY)
        if file.is_dir():
            raise UsageError(f"{file} is a folder; name a file in it")
    except OSError as error:
        raise UsageError(f"{file} can't be read: {error.strerror or error}") from None

    async def work() -> Added:
        async with open_database(settings) as database:
            return await import_posts(database, descriptor, definitions, site=site, policy=policy)

    try:
        added = run_until_done(work())
    finally:
        if str(file) != "-":
            os.close(descriptor)
    _tell(added)
    if added.refusals:
        raise typer.Exit(EXIT_FAILURE)


@app.command("list")
def list_(  # noqa: PLR0917 options of a command
    due: Annotated[bool, typer.Option("--due", help="Only those that are due now.")] = False,
    given_up: Annotated[bool, typer.Option("--given-up", help="Only those that failed too often.")] = False,
    held: Annotated[bool, typer.Option("--held", help="Only those that ended the worker that read them.")] = False,
    paused: Annotated[bool, typer.Option("--paused", help="Only those that were removed.")] = False,
    site: OfSite = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="So many at most.")] = 50,
    format: Annotated[Format, typer.Option(help="How to print them.")] = Format.TABLE,  # noqa: A002 its own name
    verbose: Verbose = False,
) -> None:
    """List the posts, whose turn is next first.

    All of them, with their numbers, are what `tidegate export posts` writes.

    Examples: tidegate posts list --due | tidegate posts list --given-up --format csv
    """
    from tidegate.errors import UsageError

    chosen = [name for name, is_on in (("given_up", given_up), ("held", held), ("paused", paused)) if is_on]
    if len(chosen) + due > 1:
        raise UsageError("choose one of --due, --given-up, --held and --paused: no post is two of them")
    names = ("site", "post_id", "state", "due_at", "last_read_at", "last_outcome", "state_reason", "failures", "url")

    async def find(database: Any) -> list[Any]:
        from scraper.store.post_list import listed

        return await listed(database, state=next(iter(chosen), None), is_due=due, site=site, limit=limit)

    print_found(find, "such posts", begin(verbose=verbose), format, names=names, roomy="url", limit=limit)


@app.command("remove")
def remove(
    urls: Annotated[list[str], typer.Argument(metavar="URL...", help="Addresses of posts.")],
    site: Site = None,
    verbose: Verbose = False,
) -> None:
    """Read these posts no more. What was read of them stays; `tidegate posts add` takes them up again.

    Example: tidegate posts remove https://news.ycombinator.com/item?id=1
    """
    from collections import defaultdict

    from scraper.addresses import AddressPolicy
    from tidegate.database_tools import existing_database
    from tidegate.errors import UsageError
    from tidegate.following import Refused, post_at
    from tidegate.program import definitions_for

    settings = begin(verbose=verbose)
    definitions, policy = definitions_for(settings), AddressPolicy(allow_private=True)
    places = [post_at(url, definitions, site=site, policy=policy) for url in urls]
    bad = [one for one in places if isinstance(one, Refused)]
    if bad:
        raise UsageError("nothing was removed: " + "; ".join(map(str, bad)))
    by_site: dict[str, dict[str, str]] = defaultdict(dict)
    for place in places:
        if not isinstance(place, Refused) and place.post_id is not None:
            by_site[place.site][place.post_id] = place.url

    async def work() -> list[str]:
        from scraper.store.post_list import pause

        unknown: list[str] = []
        async with existing_database(settings) as database:
            for name, posts in by_site.items():
                found = await pause(database, name, [*posts])
                unknown += [url for post_id, url in posts.items() if post_id not in found]
        return unknown

    unknown = run_until_done(work())
    count = sum(len(posts) for posts in by_site.values()) - len(unknown)
    typer.echo(f"{count} removed; what was read of them is kept")
    for url in unknown:
        typer.echo(f"tidegate: {url}: no such post is followed", err=True)
    if unknown:
        raise typer.Exit(EXIT_FAILURE)


def _tell(added: Added) -> None:
    by_site = ", ".join(f"{name} {count:,}" for name, count in sorted(added.by_site.items()))
    typer.echo(
        f"{added.new:,} new, {added.known:,} known, {added.refusals:,} refused" + (f" ({by_site})" if by_site else "")
    )
    for one in added.refused:
        typer.echo(f"tidegate: {one}", err=True)
    if added.refusals > len(added.refused):
        typer.echo(f"tidegate: and {added.refusals - len(added.refused):,} more were refused", err=True)
