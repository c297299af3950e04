"""`tidegate debug`: see `tidegate.debug`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from tidegate.beginning import begin
from tidegate.options import Chromium, Json, MemoryLimit, Verbose, print_json
from tidegate.running import EXIT_FAILURE, run_until_done


def debug(  # noqa: PLR0917 options of a command
    source: Annotated[
        str | None, typer.Argument(metavar="[FILE-OR-URL]", help="A saved page or an address.", show_default=False)
    ] = None,
    site: Annotated[
        str | None, typer.Option(help="The site definition to read by.", show_default="by address")
    ] = None,
    url: Annotated[str | None, typer.Option(help="The address that a saved page had.")] = None,
    headed: Annotated[bool, typer.Option("--headed", help="Open a window, and draw on it what was read.")] = False,
    slow_mo: Annotated[float, typer.Option(min=0, max=60_000, help="Milliseconds between two steps.")] = 0,
    devtools: Annotated[bool, typer.Option("--devtools", help="With a window: DevTools beside it.")] = False,
    pause_on_failure: Annotated[
        bool, typer.Option("--pause-on-failure", help="Keep the window open if the page is not what was asked for.")
    ] = False,
    pause: Annotated[bool, typer.Option("--pause", help="Keep the window open in any case.")] = False,
    trace: Annotated[bool, typer.Option("--trace", help="Keep Playwright's trace, too.")] = False,
    replay: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Read again what was kept, without the network.")
    ] = None,
    keep: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Where to keep it.", show_default="in the data directory")
    ] = None,
    timeout: Annotated[float | None, typer.Option(help="Seconds for the page.", show_default="20")] = None,
    allow_private: Annotated[bool, typer.Option("--allow-private", help="Open private addresses, too.")] = False,
    as_json: Json = False,
    chromium: Chromium = None,
    memory_limit_mb: MemoryLimit = None,
    verbose: Verbose = False,
) -> None:
    """Open one page, say field by field what was read where and why not, and keep all that shows it.

    What is kept (HTML, pictures, a HAR, the trace) has no cookies and no tokens in it. With --replay the same page is
    read again, by the definition as it is now, and compared with what was read then.

    Exit code 1: the page is not what was asked for, or a replay is not as it was.

    Examples: tidegate debug https://news.ycombinator.com/ --headed --pause | tidegate debug --replay FOLDER
    """
    from tidegate.debug.folder import read
    from tidegate.debug.look import Sight, Watch, chromium_for, look
    from tidegate.debug.view import show, told
    from tidegate.errors import UsageError
    from tidegate.formats import console_for_results
    from tidegate.program import definitions_for, open_program
    from tidegate.scrape import understand
    from tidegate.window import hearing_enter, keyboard, until_done

    if (source is None) == (replay is None):
        raise UsageError("name one page to look at, or --replay with the folder of one that was kept")
    settings = begin(
        verbose=verbose,
        chromium=chromium,
        memory_limit_mb=memory_limit_mb,
        page_seconds=timeout,
        allow_private=allow_private or None,
        evidence_mb=0,
    )
    definitions = definitions_for(settings)
    then = read(replay) if replay is not None else None
    page = (
        understand(str(then.page), definitions, site=site or then.site, url=url or then.url)
        if then is not None
        else understand(source or "", definitions, site=site, url=url)
    )
    watch = Watch(
        headed=headed,
        devtools=devtools and headed,
        slow_mo_ms=slow_mo,
        pause_on_failure=pause_on_failure,
        pause=pause,
        trace=trace,
        folder=keep,
    )
    chosen = chromium_for(settings.chromium, headed=headed)
    console = console_for_results()

    async def hold(window: Any, sight: Sight) -> None:
        if not as_json:
            show(sight, console)
        typer.echo("tidegate: press Enter here, or close the window, to go on", err=True)
        with hearing_enter(keyboard()) as enter:
            await until_done(window, enter)

    async def work() -> Sight:
        async with open_program(settings, definitions=definitions, pool=watch.pool(chosen)) as program:
            return await look(program, page, watch, hold=hold, then=then)

    sight = run_until_done(work())
    if as_json:
        print_json(told(sight))
    elif not watch.pauses(sight.report.outcome):
        show(sight, console)
    if not sight.is_fine or sight.changed:
        raise typer.Exit(EXIT_FAILURE)
