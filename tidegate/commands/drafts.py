"""`tidegate drafts`: what generators wrote, for a person to look at, change, approve or reject.

A draft of a reply is called by its number, a planned post by "p" and its number. Nothing is posted from here.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tidegate.options import Json, Verbose, print_json
from tidegate.running import run_until_done

if TYPE_CHECKING:
    from scraper.store.database import Database

app = typer.Typer(help="Drafts that wait for a person: replies, and planned posts (p1, p2, …).")


class State(StrEnum):
    """What has become of a draft."""

    WAITING = "waiting"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    ALL = "all"


class ExportFormat(StrEnum):
    """How drafts are written out."""

    JSONL = "jsonl"
    CSV = "csv"
    MD = "md"


Names = Annotated[list[str], typer.Argument(metavar="ID...", help="12 for a draft, p12 for a planned post.")]
Planned = Annotated[bool, typer.Option("--planned", help="Planned posts instead of replies.")]
By = Annotated[str | None, typer.Option(help="Who decides.", show_default="the user of this machine")]


@app.command("list")
def drafts_list(
    state: Annotated[State, typer.Option(help="Only these.")] = State.WAITING,
    planned: Planned = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="So many at most.")] = 50,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """List drafts, the oldest first.

    Examples: tidegate drafts list | tidegate drafts list --planned --state approved
    """
    from tidegate.drafts_view import as_dict, show_list
    from tidegate.formats import console_for_results

    async def work(database: Database) -> list[Any]:
        found: list[Any] = []
        await _room(planned=planned).expire(database)
        async for page in _room(planned=planned).in_pages(database, state=_state(state)):
            found.extend(page)
            if len(found) > limit:
                break
        return found

    rows = _run(work, verbose=verbose)
    console = console_for_results()
    if as_json:
        print_json([as_dict(row, planned=planned) for row in rows[:limit]])
        return
    if not rows:
        typer.echo(
            f"No {'planned posts' if planned else 'drafts'} {'' if state is State.ALL else state.value}".rstrip()
        )
        return
    show_list(rows[:limit], console, planned=planned)
    if len(rows) > limit:
        typer.echo(f"There are more than {limit}: --limit shows them.", err=True)


@app.command("show")
def drafts_show(
    name: Annotated[str, typer.Argument(metavar="ID")], as_json: Json = False, verbose: Verbose = False
) -> None:
    """Show a draft beside the conversation that it is for.

    Examples: tidegate drafts show 12 | tidegate drafts show p3
    """
    from tidegate.drafts_view import as_dict, show_one
    from tidegate.formats import console_for_results

    [(planned, number)] = _understood([name])
    row = _run(lambda database: _room(planned=planned).one(database, number), verbose=verbose)
    if as_json:
        print_json(as_dict(row, planned=planned))
        return
    show_one(row, console_for_results(), planned=planned)


@app.command("approve")
def approve(
    names: Names,
    text: Annotated[str | None, typer.Option(help="Approve it with this text instead.")] = None,
    by: By = None,
    verbose: Verbose = False,
) -> None:
    """Approve drafts. They wait in `tidegate drafts export` for a person to post them.

    Examples: tidegate drafts approve 12 13 | tidegate drafts approve 12 --text "What surprised you most?"
    """
    wanted = _understood(names)
    if text is not None and len(wanted) > 1:
        raise _usage("--text is for one draft: name one.")
    if text is not None and not text.strip():
        raise _usage("--text is empty: give the text, or leave it out to approve what was written.")
    who = by or _user()

    async def decide(database: Database, room: Any, number: int) -> None:
        await room.approve(database, number, by=who, text=text.strip() if text else None)

    _each(wanted, decide, "approved", verbose=verbose)


@app.command("reject")
def drafts_reject(
    names: Names,
    why: Annotated[str, typer.Option(help="What is wrong with it.")],
    again: Annotated[bool, typer.Option("--again", help="Have another reply drafted for the conversation.")] = False,
    by: By = None,
    verbose: Verbose = False,
) -> None:
    """Reject drafts. Their conversations are closed, unless another reply is to be drafted.

    Examples: tidegate drafts reject 12 --why "too polite" --again | tidegate drafts reject p3 --why "said before"
    """
    wanted = _understood(names)
    if again and any(planned for planned, _ in wanted):
        raise _usage("--again is for replies: a topic has its turn again anyway.")
    who = by or _user()

    async def decide(database: Database, room: Any, number: int) -> None:
        await room.reject(database, number, by=who, why=why, **({"again": True} if again else {}))

    _each(wanted, decide, "rejected", verbose=verbose)


@app.command("posted")
def drafts_posted(
    names: Names,
    url: Annotated[str | None, typer.Option(help="Where it can be seen.")] = None,
    verbose: Verbose = False,
) -> None:
    """Note that you have posted what was approved. The conversation is answered then.

    Example: tidegate drafts posted 12 --url https://pier.example/posts/99
    """
    wanted = _understood(names)
    if url is not None and len(wanted) > 1:
        raise _usage("--url is for one draft: name one.")

    async def decide(database: Database, room: Any, number: int) -> None:
        await room.posted(database, number, url=url)

    _each(wanted, decide, "noted as posted", verbose=verbose)


@app.command("export")
def drafts_export(
    format: Annotated[ExportFormat, typer.Option(help="How to write them.")] = ExportFormat.MD,  # noqa: A002 its own name
    planned: Planned = False,
    verbose: Verbose = False,
) -> None:
    """Write out what is approved and not yet posted, for a person to post by hand.

    Examples: tidegate drafts export > today.md | tidegate drafts export --format csv --planned
    """
    from tidegate.drafts_view import header, lines

    async def work(database: Database) -> None:
        sys.stdout.write(header(format.value))
        async for page in _room(planned=planned).in_pages(database, state="approved", with_posted=False):
            sys.stdout.writelines(lines([dict(row) for row in page], format.value, planned=planned))
        sys.stdout.flush()

    _run(work, verbose=verbose)


def _each(
    wanted: Sequence[tuple[bool, int]],
    decide: Callable[[Database, Any, int], Awaitable[None]],
    what: str,
    *,
    verbose: bool,
) -> None:
    """Decide on each in turn and say so; at the first that can't be decided on it ends, and says why."""

    async def work(database: Database) -> None:
        for planned, number in wanted:
            await decide(database, _room(planned=planned), number)
            typer.echo(f"{'p' if planned else ''}{number} {what}")

    _run(work, verbose=verbose)


def _run(work: Callable[[Database], Awaitable[Any]], *, verbose: bool) -> Any:
    """Do `work` with the database that is set, or the embedded one."""
    from tidegate.logs import configure_logs
    from tidegate.program import open_database
    from tidegate.settings import load_settings

    configure_logs(verbose=verbose, is_terminal=sys.stderr.isatty())
    settings = load_settings()

    async def with_database() -> Any:
        async with open_database(settings) as database:
            return await work(database)

    return run_until_done(with_database())


def _room(*, planned: bool) -> Any:
    """Where such rows are kept."""
    from scraper.store import drafts
    from scraper.store import planned as planned_posts

    return planned_posts if planned else drafts


def _state(state: State) -> str | None:
    return None if state is State.ALL else state.value


def _understood(names: Sequence[str]) -> list[tuple[bool, int]]:
    """Whether each is a planned post, and its number; each once. Raises `UsageError`."""
    found: dict[tuple[bool, int], None] = {}
    for name in names:
        match = re.fullmatch(r"(p?)([1-9][0-9]{0,17})", name.strip(), re.IGNORECASE | re.ASCII)
        if match is None:
            raise _usage(f"{name!r} is no draft: write 12 for a draft, p12 for a planned post.")
        found[bool(match[1]), int(match[2])] = None
    return list(found)


def _usage(said: str) -> Exception:
    """What is wrong with the command as it was given."""
    # It brings Playwright and asyncpg along.
    from tidegate.errors import UsageError

    return UsageError(said)


def _user() -> str:
    """Who is at the keyboard, as far as the system knows."""
    import getpass

    # A container's user often has no name.
    with suppress(OSError, KeyError):
        return getpass.getuser()
    return "somebody"
