"""An examination on a terminal, and as JSON."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from importlib.metadata import version
from typing import Any

from rich.console import Console
from rich.text import Text

from tidegate.doctor.examination import Listener
from tidegate.doctor.finding import Row, Verdict, worst
from tidegate.formats import LEAST_ROOM, plain

MARKS = {Verdict.GOOD: ("ok", "green"), Verdict.NOTE: ("note", "yellow"), Verdict.FAILURE: ("FAIL", "bold red")}
MARK_WIDTH = 6
NAME_WIDTH = 11


@contextmanager
def listening(console: Console, *, is_quiet: bool) -> Iterator[Listener]:
    """Each check is printed when it is made; on a terminal it is said what is being waited for."""
    if is_quiet:
        yield Listener()
        return
    if isinstance(console.file, io.TextIOWrapper):
        # What a terminal can't write is no reason to say nothing.
        console.file.reconfigure(errors="replace")
    with console.status("") if console.is_terminal else nullcontext() as status:
        yield Listener(
            begins=lambda what: status.update(f"{what} ...") if status is not None else None,
            made=lambda row: show_row(row, console),
        )


def show_row(row: Row, console: Console) -> None:
    """One check: mark, name, what was found, and what to do."""
    finding = row.finding
    mark, style = MARKS[finding.verdict]
    found = finding.found if row.endpoint is None else f"{row.endpoint}: {finding.found}"
    # As text, not as markup: much of it was written by others.
    parts = [Text(plain(found)), *(Text(plain(detail), "dim") for detail in finding.details)]
    if finding.advice:
        parts.append(Text(f"> {plain(finding.advice)}", style))
    lead = Text.assemble((mark.ljust(MARK_WIDTH), style), (row.check.ljust(NAME_WIDTH), "bold"))
    for part in parts:
        for line in part.wrap(console, max(LEAST_ROOM, console.width - len(lead))):
            line.rstrip()
            console.print(lead + line, soft_wrap=True)
            lead = Text(" " * len(lead))


def show_sum(rows: Sequence[Row], console: Console) -> None:
    """The last line."""
    failures = [row.title for row in rows if row.finding.verdict is Verdict.FAILURE]
    notes = sum(row.finding.verdict is Verdict.NOTE for row in rows)
    noted = f" {notes} {'note' if notes == 1 else 'notes'}." if notes else ""
    if failures:
        said, style = f"{len(failures)} of {len(rows)} checks failed: {', '.join(failures)}.{noted}", "bold red"
    else:
        said, style = f"Everything that is needed works.{noted}", "bold green"
    console.print()
    console.print(Text(plain(said), style), soft_wrap=True)


def as_dict(rows: Sequence[Row]) -> dict[str, Any]:
    """Everything, for a program. Sizes are bytes, times seconds.

    `checks` are by name and always the same; `browsers` has one entry for each browser on another machine.
    """
    return {
        "tidegate": version("tidegate"),
        "verdict": worst(rows).value,
        "failures": [row.title for row in rows if row.finding.verdict is Verdict.FAILURE],
        "checks": {row.check: _entry(row) for row in rows if row.endpoint is None},
        "browsers": [{"endpoint": row.endpoint, **_entry(row)} for row in rows if row.endpoint is not None],
    }


def _entry(row: Row) -> dict[str, Any]:
    finding = row.finding
    return {
        "verdict": finding.verdict.value,
        "found": finding.found,
        "details": list(finding.details),
        "advice": finding.advice or None,
        "facts": dict(row.facts),
    }
