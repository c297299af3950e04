"""`tidegate site`: see `tidegate.site_check` and `tidegate.site_new`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tidegate.beginning import begin
from tidegate.commands.choices import AllowPrivate
from tidegate.options import Chromium, Json, MemoryLimit, Verbose, print_json
from tidegate.running import EXIT_FAILURE, run_until_done
from tidegate.terminal import disarmed

app = typer.Typer(help="The sites that can be read: which there are, and whether they still are read right.")


@app.command("list")
def list_sites(as_json: Json = False) -> None:
    """List the sites that can be read.

    Examples: tidegate site list | tidegate site list --json
    """
    from tidegate.program import definitions_for

    definitions = definitions_for(begin(verbose=False))
    if as_json:
        print_json([{"name": one.name, "title": one.title, "hosts": one.hosts} for one in definitions])
        return
    for definition in definitions:
        typer.echo(f"{definition.name:<14} {definition.title:<20} {', '.join(definition.hosts)}")


@app.command()
def show(name: Annotated[str, typer.Argument(metavar="SITE", help="One of `tidegate site list`.")]) -> None:
    """Print the definition that a site is read by: to look at, or to begin one of your own with.

    Example: tidegate site show lobsters > sites/lobsters.toml
    """
    from scraper.definitions import source_of
    from tidegate.program import definitions_for

    settings = begin(verbose=False)
    definition = definitions_for(settings).by_name(name)
    text = source_of(definition.name, *([settings.sites_dir] if settings.sites_dir else []))
    if text is None:
        from tidegate.errors import UsageError

        raise UsageError(f"{name} has no file of its own name")
    typer.echo(text, nl=False)


@app.command()
def check(  # noqa: PLR0917 options of a command
    pages: Annotated[
        list[str] | None, typer.Argument(metavar="[SITE] [FILE-OR-URL...]", help="What to check, and on which pages.")
    ] = None,
    as_json: Json = False,
    allow_private: AllowPrivate = False,
    chromium: Chromium = None,
    memory_limit_mb: MemoryLimit = None,
    verbose: Verbose = False,
) -> None:
    """Show which fields of which site are read, and which not any more.

    Without pages it opens those that the definitions name. A site is fine when every page was what was asked for and
    no field is read less than it lately was.

    Examples: tidegate site check hackernews | tidegate site check x page.html
    """
    from tidegate.formats import console_for_results
    from tidegate.program import definitions_for
    from tidegate.site_check import as_dict, check_sites, what_to_check
    from tidegate.site_view import show_check

    settings = begin(
        verbose=verbose, chromium=chromium, memory_limit_mb=memory_limit_mb, allow_private=allow_private or None
    )
    definitions = definitions_for(settings)
    checks = run_until_done(check_sites(settings, what_to_check(pages or [], definitions), definitions))
    if as_json:
        print_json([as_dict(one) for one in checks])
    else:
        console = console_for_results()
        for one in checks:
            show_check(one, console)
    if not all(one.is_fine for one in checks):
        raise typer.Exit(EXIT_FAILURE)


@app.command()
def new(  # noqa: PLR0917 options of a command
    source: Annotated[str, typer.Argument(metavar="FILE-OR-URL", help="A page with posts: a list is best.")],
    name: Annotated[
        str | None, typer.Option(help="How commands and tables call the site.", show_default="from its host")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="A file that is not there yet.", show_default="standard output")
    ] = None,
    url: Annotated[str | None, typer.Option(help="The address that a saved page had.")] = None,
    as_json: Json = False,
    allow_private: AllowPrivate = False,
    chromium: Chromium = None,
    memory_limit_mb: MemoryLimit = None,
    verbose: Verbose = False,
) -> None:
    """Propose a definition from a page: what repeats on it as posts do, and where in that the fields are.

    It is opened once, read by what is proposed, and each field says in how many posts it was found, as what and
    where. It is a beginning, to be looked through.

    Exit code 1: nothing on the page looks like posts, or something stood in the way.

    Examples: tidegate site new https://forum.example/latest > my-sites/forum.toml | tidegate site new saved.html
    """
    from tidegate.program import definitions_for
    from tidegate.site_new import (
        NotProposed,
        as_dict,
        check_name,
        check_output,
        in_words,
        propose_site,
        what_to_propose_from,
        write_new,
    )

    settings = begin(
        verbose=verbose, chromium=chromium, memory_limit_mb=memory_limit_mb, allow_private=allow_private or None
    )
    check_name(name)
    check_output(output)
    definitions = definitions_for(settings)
    page = what_to_propose_from(source, definitions, url=url)
    known = definitions.for_url(page.url)
    if known is not None and not known.is_for_any_host:
        typer.echo(f"tidegate: {page.url} is read already by the definition {known.name}", err=True)
    result = run_until_done(propose_site(settings, page, definitions, name=name))
    if as_json:
        print_json(as_dict(result))
    if isinstance(result, NotProposed):
        typer.echo(disarmed(f"tidegate: {source}: {result.outcome.value}: {result.reason}"), err=True)
        raise typer.Exit(EXIT_FAILURE)
    if output is not None:
        write_new(output, result.text)
    elif not as_json:
        typer.echo(result.text, nl=False)
    for line in in_words(result, output=output, sites_dir=settings.sites_dir, is_private=allow_private):
        typer.echo(f"tidegate: {line}", err=True)
