"""`tidegate site check` for a person: a table a kind of post, field by field."""

from __future__ import annotations

from rich.console import Console

from scraper.outcome import Outcome
from tidegate.formats import plain, table_of
from tidegate.site_check import FieldCheck, KindCheck, SiteCheck


def show_check(check: SiteCheck, console: Console) -> None:
    """One site."""
    for source, page in check.pages:
        style = "bold" if page.outcome is Outcome.OK else "bold red"
        heading = f"{check.definition.name} · {plain(source)} · {page.outcome.value} · {plain(page.reason)}"
        console.print(heading, style=style, markup=False, soft_wrap=True, highlight=False)
        for warning in page.warnings:
            console.print(f"  {plain(warning)}", style="yellow", markup=False, soft_wrap=True, highlight=False)
    for kind in check.kinds:
        _show_kind(kind, console)


def _show_kind(kind: KindCheck, console: Console) -> None:
    posts = "1 post" if kind.posts == 1 else f"{kind.posts} posts"
    console.print(f"\n{kind.layout}/{kind.kind}: {posts}", markup=False, highlight=False)
    rows = [
        (field.field, _read(field), _before(field), plain(field.example), plain(_from(field))[:60])
        for field in kind.fields
    ]
    console.print(
        table_of(("field", "read", "before", "example", "from"), rows, roomy="example", width=console.width)
    )
    for field in kind.fields:
        if field.drift is not None:
            console.print(f"  drift: {field.drift}", style="bold red", markup=False, soft_wrap=True, highlight=False)


def _read(field: FieldCheck) -> str:
    if not field.now.found:
        return "NEVER" if field.is_required or field.drift else "never"
    often = "all" if field.now.found == field.now.posts else f"{field.now.found} of {field.now.posts}"
    return f"{often}, {field.approximate} approximate" if field.approximate else often


def _before(field: FieldCheck) -> str:
    return f"{field.before.share:.0%}" if field.before and field.before.posts else ""


def _from(field: FieldCheck) -> str:
    if not field.sources:
        return ""
    others = len(field.sources) - 1
    return f"{field.sources[0]}" + (f" (+{others})" if others else "")
