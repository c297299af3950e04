"""The command line. Each command says what it does; what it does is in a module of its own.

Exit codes: 0 done, 1 failed (no browser, no database, a page that could not be read), 2 wrong usage, 128 + n stopped
by signal n.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from scraper.outcome import Outcome
from tidegate.beginning import begin
from tidegate.commands import config, db, drafts, jobs, opportunities, posts, site, targets
from tidegate.commands.debug import debug
from tidegate.commands.export import export
from tidegate.commands.harvest import harvest
from tidegate.commands.login import login
from tidegate.commands.pool import pool
from tidegate.options import Chromium, Format, Json, MemoryLimit, Verbose, print_json
from tidegate.running import EXIT_FAILURE, end_in_order_before_the_loop_runs, exit_code_of, run_until_done
from tidegate.terminal import disarmed

app = typer.Typer(
    name="tidegate",
    help="A memory-safe Playwright scraper: the metrics of posts, and conversations worth a reply.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.add_typer(site.app, name="site", no_args_is_help=True)
app.add_typer(posts.app, name="posts", no_args_is_help=True)
app.add_typer(targets.app, name="targets", no_args_is_help=True)
app.add_typer(opportunities.app, name="opportunities", no_args_is_help=True)
app.add_typer(drafts.app, name="drafts", no_args_is_help=True)
app.add_typer(jobs.app, name="jobs", no_args_is_help=True)
app.add_typer(db.app, name="db", no_args_is_help=True)
app.add_typer(config.app, name="config", no_args_is_help=True)
app.command()(debug)
app.command()(export)
app.command()(harvest)
app.command()(login)
app.command()(pool)
app.command()(jobs.serve)
app.command()(jobs.worker)
app.command()(jobs.run)


def main() -> None:
    """Run the command line, and exit with its code."""
    if sys.argv[1:2] in (["serve"], ["worker"]):
        end_in_order_before_the_loop_runs()
    sys.exit(exit_code_of(lambda: app(standalone_mode=False)))


@app.command()
def demo(  # noqa: PLR0917 options of a command
    posts: Annotated[int, typer.Option(min=10, max=100_000, help="How many posts the demo site has.")] = 100,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where to serve it; 0 takes a free port.")] = 0,
    serve: Annotated[bool, typer.Option("--serve", help="Only serve the demo site, to look at it.")] = False,
    chromium: Chromium = None,
    memory_limit_mb: MemoryLimit = None,
    verbose: Verbose = False,
) -> None:
    """Run everything for real against a small social site on this machine.

    Reads its posts through the browser into Postgres, scrolls its feeds, and shows what came of it.

    Example: tidegate demo --posts 200
    """
    if serve:
        _serve(posts, port)
        return
    from scraper.store.database import without_password
    from tidegate.demo_run import run_demo
    from tidegate.demo_view import progress_on, show
    from tidegate.formats import console_for_results

    settings = begin(verbose=verbose, chromium=chromium, memory_limit_mb=memory_limit_mb)
    console = console_for_results()
    with progress_on(console) as progress:
        report = run_until_done(run_demo(settings, post_count=posts, port=port, progress=progress))
    show(report, console)
    where = without_password(settings.database_url) if settings.database_url else settings.data_dir
    console.print(f"\nKept in {where}. Run it again to see the numbers move. Then:", highlight=False, soft_wrap=True)
    for command, what in (
        ("tidegate demo --serve", "look at the demo site in your own browser"),
        ("tidegate scrape https://news.ycombinator.com/", "read a real page"),
        ("tidegate --help", "see the rest"),
    ):
        console.print(f"  {_our_name()} {command.removeprefix('tidegate '):<42} {what}", highlight=False)
    if report.wrong or report.metrics.status.value == "failed":
        raise typer.Exit(EXIT_FAILURE)


@app.command()
def scrape(  # noqa: PLR0917 options of a command
    sources: Annotated[list[str], typer.Argument(metavar="FILE-OR-URL...", help="Saved pages or addresses.")],
    format: Annotated[Format, typer.Option(help="How to print the posts.")] = Format.TABLE,  # noqa: A002 its own name
    site: Annotated[
        str | None, typer.Option(help="The site definition to read by.", show_default="by address")
    ] = None,
    url: Annotated[str | None, typer.Option(help="The address that a saved page had.")] = None,
    feed: Annotated[
        bool, typer.Option("--feed", help="Go on to the end of the feed, not only its first page.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, help="With --feed: so many posts at most.")] = 1000,
    timeout: Annotated[
        float | None, typer.Option(help="Seconds for a page, or for a feed.", show_default="20, 600 for a feed")
    ] = None,
    allow_private: Annotated[bool, typer.Option("--allow-private", help="Open private addresses, too.")] = False,
    chromium: Chromium = None,
    memory_limit_mb: MemoryLimit = None,
    verbose: Verbose = False,
) -> None:
    """Open pages in the browser and print the posts on them.

    A saved page is opened as if it came from its own address, and nothing goes to the network.

    A feed in jsonl is printed as it is read, however long it is.

    Examples: tidegate scrape https://news.ycombinator.com/ | tidegate scrape page.html --format json
    """
    from tidegate.formats import console_for_results, json_line, write
    from tidegate.program import definitions_for, open_program, sharing_pace
    from tidegate.scrape import check_feeds, scrape_feeds, understand_all
    from tidegate.scrape import scrape as scrape_pages

    settings = begin(
        verbose=verbose,
        chromium=chromium,
        memory_limit_mb=memory_limit_mb,
        page_seconds=None if feed else timeout,
        feed_seconds=(timeout or 600) if feed else None,
        allow_private=allow_private or None,
    )
    definitions = definitions_for(settings)
    inputs, not_understood = understand_all(sources, definitions, site=site, url=url)
    if feed:
        check_feeds(inputs)
    console = console_for_results()

    def print_now(posts: Any) -> None:
        console.file.writelines(json_line(post) for post in posts)
        console.file.flush()

    async def work() -> Any:
        async with (
            open_program(settings, definitions=definitions) as opened,
            sharing_pace(opened) as program,
        ):
            with _bar(len(inputs)) as tell:
                if feed:
                    hand_on = print_now if format is Format.JSONL else None
                    return await scrape_feeds(program, inputs, limit=limit, hand_on=hand_on, tell=tell)
                return await scrape_pages(program, inputs, tell)

    for error in not_understood:
        typer.echo(disarmed(f"tidegate: {error}"), err=True)
    pages = run_until_done(work())
    write(pages, format, console)
    failed = [page for page in pages if page.report.outcome not in {Outcome.OK, Outcome.EMPTY}]
    for page in failed:
        typer.echo(disarmed(f"tidegate: {page.source}: {page.report.outcome.value}: {page.report.reason}"), err=True)
    for page in pages if feed else ():
        if page not in failed:
            typer.echo(disarmed(f"tidegate: {page.source}: {page.report.reason}"), err=True)
    if failed or not_understood:
        raise typer.Exit(EXIT_FAILURE)


@app.command()
def memory(
    hours: Annotated[float, typer.Option(min=0.01, max=8760, help="How far back to look.")] = 24,
    as_json: Json = False,
    memory_limit_mb: MemoryLimit = None,
    verbose: Verbose = False,
) -> None:
    """Show memory: every limit that holds here and how near it is, and what Tidegate did about it lately.

    Examples: tidegate memory | tidegate memory --hours 1 --json
    """
    from tidegate.formats import console_for_results
    from tidegate.memory_report import memory_report
    from tidegate.memory_view import as_dict, show_memory

    settings = begin(verbose=verbose, memory_limit_mb=memory_limit_mb)
    report = run_until_done(memory_report(settings, hours=hours))
    if as_json:
        print_json(as_dict(report))
    else:
        show_memory(report, console_for_results())


@app.command()
def doctor(
    as_json: Json = False,
    chromium: Chromium = None,
    memory_limit_mb: MemoryLimit = None,
    verbose: Verbose = False,
) -> None:
    """Look at all that is needed, start a browser, load a page, and say what was found and what to do.

    Nothing goes to the network but to the database and the browsers that are set.

    Exit code 1: something that is needed does not work.

    Examples: tidegate doctor | tidegate doctor --json
    """
    from tidegate.doctor.examination import examine
    from tidegate.doctor.finding import Verdict, worst
    from tidegate.doctor.view import as_dict, listening, show_sum
    from tidegate.formats import console_for_results

    settings = begin(verbose=verbose, chromium=chromium, memory_limit_mb=memory_limit_mb)
    console = console_for_results()
    with listening(console, is_quiet=as_json) as listener:
        rows = run_until_done(examine(settings, listener))
    if as_json:
        print_json(as_dict(rows))
    else:
        show_sum(rows, console)
    if worst(rows) is Verdict.FAILURE:
        raise typer.Exit(EXIT_FAILURE)


@app.command()
def setup(chromium: Chromium = None) -> None:
    """Get what is missing to run: a browser and its driver; and see that there is a database server.

    Example: tidegate setup
    """
    from browser_pool.provision import provide_chromium, provide_driver
    from scraper.store.binaries import find_postgres

    settings = begin(verbose=False, chromium=chromium)

    def tell(line: str) -> None:
        typer.echo(disarmed(f"tidegate: {line}"), err=True)

    provide_driver(tell)
    found = provide_chromium(settings.chromium, tell)
    typer.echo(f"Chromium: {found.executable} ({found.found})")
    if settings.database_url is None:
        postgres = find_postgres()
        typer.echo(f"Postgres: {postgres.version}, data in {settings.data_dir}")


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(f"tidegate {installed_version('tidegate')}")


def _serve(posts: int, port: int) -> None:
    """Serve the demo site until told to stop."""
    import asyncio

    from tidegate.demo import DemoSite
    from tidegate.demo_run import SEED

    async def work() -> None:
        async with DemoSite(seed=SEED, posts=posts, port=port) as site:
            typer.echo(f"The demo site is at {site.url}  (Ctrl-C ends it)")
            await asyncio.Event().wait()

    run_until_done(work())


def _our_name() -> str:
    """How the user can call us again: by name if that is on the PATH, else by the path used now."""
    import shutil

    called = Path(sys.argv[0])
    on_path = shutil.which("tidegate")
    return "tidegate" if on_path and Path(on_path).resolve() == called.resolve() else str(called)


@contextmanager
def _bar(total: int) -> Iterator[Callable[[], None]]:
    """A progress bar on stderr, where there is a terminal and something to wait for."""
    console = Console(stderr=True)
    if total < 2 or not console.is_terminal:
        yield lambda: None
        return
    from rich.progress import Progress

    with Progress(console=console, transient=True) as bar:
        task = bar.add_task("reading pages", total=total)
        yield lambda: bar.advance(task)


if __name__ == "__main__":
    main()
