"""`tidegate debug` for a person at a terminal, and as JSON."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from scraper.diagnosis import Diagnosis, FieldDiagnosis, KindDiagnosis, as_dict
from scraper.drift import NOT_COUNTED
from scraper.evidence import PAGE, SCREENSHOT
from scraper.post import post_as_dict
from tidegate.debug.folder import NETWORK, OUTLINED, TRACE
from tidegate.debug.look import Sight
from tidegate.formats import plain, table_of

MOST_CHANGES = 20
MOST_GONE = 3


def show(sight: Sight, console: Console) -> None:
    """The outcome and why, field by field, and where it is kept."""
    report = sight.report
    heading = f"{sight.input.definition.name} · {plain(report.url)} · {report.outcome.value}: {plain(report.reason)}"
    _line(console, heading, "bold" if sight.is_fine else "bold red")
    for warning in report.warnings:
        _line(console, f"  {plain(warning)}", "yellow")
    if sight.diagnosis is not None:
        _show_diagnosis(sight.diagnosis, console)
    _show_replay(sight, console)
    if sight.folder is not None:
        _show_folder(sight, console)


def told(sight: Sight) -> dict[str, Any]:
    """The same for JSON."""
    report = sight.report
    return {
        "source": sight.input.source,
        "site": sight.input.definition.name,
        "url": report.url,
        "final_url": report.final_url,
        "outcome": report.outcome.value,
        "reason": report.reason,
        "warnings": list(report.warnings),
        "kinds": as_dict(sight.diagnosis) if sight.diagnosis else [],
        "posts": [post_as_dict(post) for post in report.posts],
        "boxes": sight.boxes,
        "folder": str(sight.folder) if sight.folder else None,
        "changed": [str(change) for change in sight.changed] if sight.then else None,
    }


def _show_diagnosis(diagnosis: Diagnosis, console: Console) -> None:
    for kind in diagnosis.kinds:
        number = f"{kind.posts} of {kind.elements}" if kind.posts != kind.elements else str(kind.posts)
        console.print(f"\n{kind.layout}/{kind.kind}: {number} posts", markup=False, highlight=False)
        if kind.why:
            _line(console, f"  {plain(kind.why)}", "red")
        if not kind.fields:
            continue
        rows = [_row(kind, one) for one in kind.fields]
        console.print(table_of(("field", "read", "value", "from"), rows, roomy="value", width=console.width))
        for one in kind.fields:
            if not one.read:
                style = "bold red" if one.is_required else "yellow"
                _line(console, f"  {one.field}: {plain(one.why)}", style)
            elif one.why and one.field not in NOT_COUNTED:
                missing = kind.elements - one.read
                _line(console, f"  {one.field}: not in {missing} of {kind.elements}: {plain(one.why)}", "dim")


def _row(kind: KindDiagnosis, one: FieldDiagnosis) -> tuple[str, str, str, str]:
    often = "never" if not one.read else "all" if one.read == kind.elements else f"{one.read} of {kind.elements}"
    name = f"{one.field} *" if one.is_required else one.field
    return name, often, plain(one.example), plain(one.place)


def _show_replay(sight: Sight, console: Console) -> None:
    if sight.then is None:
        return
    then, now = sight.then, sight.report.outcome.value
    if then.outcome == now and not sight.changed:
        _line(console, f"\nas it was on {then.read_at[:16]}: {now}, {len(then.posts)} posts, every field", "green")
        return
    _line(
        console,
        f"\non {then.read_at[:16]} it was {then.outcome} with {len(then.posts)} posts; now it is {now}",
        "bold",
    )
    gone = [change for change in sight.changed if change.field is None and change.now is None]
    others = [change for change in sight.changed if change not in gone]
    if gone:
        named = ", ".join(change.post for change in gone[:MOST_GONE]) + (", …" if len(gone) > MOST_GONE else "")
        _line(console, f"  {len(gone)} posts are not read any more: {plain(named)}", "yellow")
    for change in others[:MOST_CHANGES]:
        _line(console, f"  {plain(str(change))}", "yellow")
    if len(others) > MOST_CHANGES:
        _line(console, f"  and {len(others) - MOST_CHANGES} more", "yellow")


def _show_folder(sight: Sight, console: Console) -> None:
    folder = sight.folder
    if folder is None:
        return
    _line(console, f"\nkept in {folder}", "bold")
    for name, what in (
        (PAGE, "what it showed"),
        (SCREENSHOT, "a picture of it"),
        (OUTLINED, "the same, with what was read where"),
        (NETWORK, "what went over the network, without cookies and tokens"),
        (TRACE, f"Playwright's trace: playwright show-trace {folder / TRACE}"),
    ):
        if (folder / name).exists():
            _line(console, f"  {name:<14} {what}", "")
    _line(console, f"read it again without the network: tidegate debug --replay {folder}", "")


def _line(console: Console, text: str, style: str) -> None:
    console.print(text, style=style or None, markup=False, soft_wrap=True, highlight=False)
