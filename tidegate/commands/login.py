"""`tidegate login`: see `tidegate.login` and `tidegate.sessions`."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from tidegate.beginning import begin
from tidegate.commands.choices import AllowPrivate
from tidegate.options import Chromium, Json, MemoryLimit, Verbose, print_json
from tidegate.running import EXIT_FAILURE, run_until_done


def login(  # noqa: PLR0917 options of a command
    site: Annotated[
        str | None, typer.Argument(metavar="SITE", help="One of `tidegate site list`.", show_default=False)
    ] = None,
    url: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Where to log in.", show_default="the site's first host")
    ] = None,
    test: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS", help="The page to try the session on.", show_default="those that its definition checks"
        ),
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Keep one that makes no difference, too.")] = False,
    show_list: Annotated[bool, typer.Option("--list", help="Show which sessions there are.")] = False,
    forget: Annotated[bool, typer.Option("--forget", help="Remove the session of SITE.")] = False,
    as_json: Json = False,
    allow_private: AllowPrivate = False,
    chromium: Chromium = None,
    memory_limit_mb: MemoryLimit = None,
    verbose: Verbose = False,
) -> None:
    """Open a window in which you log in to a site by hand; its pages are read with that session from then on.

    It is tried before it replaces the one that was there, and kept in a file that only you may read.

    Examples: tidegate login x --test https://x.com/home | tidegate login --list | tidegate login x --forget
    """
    from tidegate.errors import UsageError
    from tidegate.program import sessions_of

    settings = begin(
        verbose=verbose, chromium=chromium, memory_limit_mb=memory_limit_mb, allow_private=allow_private or None
    )
    if show_list:
        _list(settings, as_json=as_json)
        return
    if site is None:
        raise UsageError("which site? One of `tidegate site list`; --list shows the sessions that there are")
    if forget:
        _forget(sessions_of(settings), site)
        return
    _log_in(settings, site, url=url, test=test, keep=keep, as_json=as_json)


def _log_in(settings: Any, site: str, *, url: str | None, test: str | None, keep: bool, as_json: bool) -> None:
    from tidegate.formats import console_for_results
    from tidegate.login import Ruling, ruled, session_by_hand, try_session, what_to_log_in_to
    from tidegate.login_view import as_dict, trials_table
    from tidegate.program import definitions_for, sessions_of
    from tidegate.window import keyboard

    definitions, sessions = definitions_for(settings), sessions_of(settings)
    plan = what_to_log_in_to(definitions, site, url=url, test=test)
    state = run_until_done(session_by_hand(settings, plan, sessions, keyboard=keyboard(), tell=_tell))
    with sessions.trying(site, state) as candidate:
        _tell("reading without the session, and with it")
        trials = run_until_done(try_session(settings, plan, definitions, candidate.identity))
        if not as_json:
            console = console_for_results()
            console.print(trials_table(trials, console.width))
        ruling, because = ruled(trials)
        if ruling is Ruling.DOUBT and not keep and not _asked(f"{because}. Keep the session all the same?"):
            ruling, because = Ruling.REFUSE, f"{because}; --keep keeps it all the same"
        is_kept = ruling is not Ruling.REFUSE
        if is_kept:
            candidate.keep()
    if as_json:
        print_json(as_dict(site, trials, because, kept_in=sessions.path_of(site) if is_kept else None))
    elif is_kept:
        typer.echo(f"the session of {site} is kept in {sessions.path_of(site)}: {because}")
    if not is_kept:
        _tell(f"the session of {site} is not kept: {because}; what was there before stays")
        raise typer.Exit(EXIT_FAILURE)


def _list(settings: Any, *, as_json: bool) -> None:
    from datetime import UTC, datetime

    from tidegate.listing import print_rows
    from tidegate.login_view import session_rows
    from tidegate.options import Format
    from tidegate.program import sessions_of

    rows = session_rows(sessions_of(settings).kept(), datetime.now(UTC))
    if as_json:
        print_json(rows)
        return
    if not rows:
        _tell("there are no sessions; `tidegate login SITE` makes one")
    print_rows(
        rows, Format.TABLE, names=("site", "since", "age", "runs_out", "first_to_go", "problem"), roomy="problem"
    )


def _forget(sessions: Any, site: str) -> None:
    from tidegate.errors import UsageError

    try:
        path = sessions.path_of(site)
    except ValueError as error:
        raise UsageError(str(error)) from None
    if not sessions.remove(site):
        raise UsageError(f"there is no session of {site}; `tidegate login --list` shows those that there are")
    typer.echo(f"removed {path}: pages of {site} are read without a session from now on")


def _asked(question: str) -> bool:
    """What the person says, where there is one."""
    return sys.stdin is not None and sys.stdin.isatty() and typer.confirm(f"tidegate: {question}", err=True)


def _tell(line: str) -> None:
    typer.echo(f"tidegate: {line}", err=True)
