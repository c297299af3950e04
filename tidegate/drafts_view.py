"""Drafts and planned posts for a person: a list, one beside its conversation, and files to post from by hand.

What a page or a generator wrote is data: nothing of it that a terminal, a spreadsheet or Markdown would obey is left.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import Console

from tidegate.formats import count, csv_line, plain, table_of, without_formula

POSTING = "Post it by hand, then: tidegate drafts posted {name}"
COLUMNS = (
    "id",
    "text",
    "topic",
    "site",
    "url",
    "author",
    "conversation",
    "generator",
    "arm",
    "made_at",
    "expires_at",
)


def name_of(row: Mapping[str, Any], *, planned: bool) -> str:
    """How a draft is called on the command line: "12", a planned post "p12"."""
    return f"p{row['id']}" if planned else str(row["id"])


def show_list(rows: Sequence[Mapping[str, Any]], console: Console, *, planned: bool) -> None:
    """A line each."""
    about = "topic" if planned else "author"
    cells = [
        (
            name_of(row, planned=planned),
            _state(row),
            _when(row["made_at"]),
            plain(row["topic"] if planned else row["author"])[:24],
            plain(row["text"]),
            plain(f"{row['generator']}/{row['arm']}")[:28],
        )
        for row in rows
    ]
    console.print(table_of(("id", "state", "made", about, "text", "by"), cells, roomy="text", width=console.width))


def show_one(row: Mapping[str, Any], console: Console, *, planned: bool) -> None:
    """Everything that a decision needs, the conversation before the draft."""
    name = name_of(row, planned=planned)

    def line(text: str, style: str | None = None) -> None:
        console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)

    def block(text: str) -> None:
        for one in text.splitlines():
            line(f"  {plain(one)}".rstrip())

    if planned:
        line(f"Topic: {plain(row['topic'])}", "bold")
    else:
        line(f"{plain(row['site'])} · {plain(row['author']) or 'unknown author'} · {plain(row['url'])}", "bold")
        figures = ", ".join(f"{count(row[name])} {name}" for name in ("likes", "replies", "views"))
        line(f"{_when(row['conversation_posted_at'])} · {figures} · {plain(row['tier'])} {row['score']:.2f}")
        line(f"{plain(row['because'])} · {row['conversation_state']} · until {_when(row['expires_at'])}\n")
        block(row["conversation"] or "")
    line(
        f"\n{'Planned post' if planned else 'Draft'} {name} · {_state(row)} · {row['generator']}/{row['arm']}", "bold"
    )
    block(row["text"])
    if row["written"] is not None:
        line("\nAs it was written:", "bold")
        block(row["written"])
    if row["decided_at"] is not None:
        why = f": {plain(row['note'])}" if row["note"] else ""
        line(f"\n{row['state']} by {plain(row['decided_by'])} on {_when(row['decided_at'])}{why}")
    if row["posted_at"] is not None:
        line(f"posted on {_when(row['posted_at'])} {plain(row['posted_url'])}".rstrip())


def as_dict(row: Mapping[str, Any], *, planned: bool) -> dict[str, Any]:
    """All that is known of a draft, for JSON; times in ISO 8601."""
    told = {key: value.isoformat() if isinstance(value, datetime) else value for key, value in row.items()}
    return {**told, "id": name_of(row, planned=planned), "state": _state(row)}


def lines(rows: Sequence[Mapping[str, Any]], format: str, *, planned: bool) -> Iterator[str]:  # noqa: A002 its own name
    """`rows` in "jsonl", "csv" (without its header) or "md"."""
    for row in rows:
        flat = {**dict.fromkeys(COLUMNS), **{key: row[key] for key in COLUMNS if key in row}}
        flat = {key: value.isoformat() if isinstance(value, datetime) else value for key, value in flat.items()}
        flat["id"] = name_of(row, planned=planned)
        if format == "jsonl":
            yield json.dumps(flat, ensure_ascii=False) + "\n"
        elif format == "csv":
            yield _csv_line(flat.values())
        else:
            yield _markdown(row, planned=planned)


def header(format: str) -> str:  # noqa: A002 its own name
    """What comes before the first row."""
    return _csv_line(COLUMNS) if format == "csv" else ""


def _csv_line(cells: Any) -> str:
    return csv_line(without_formula(one) if isinstance(one, str) else one for one in cells)


def _markdown(row: Mapping[str, Any], *, planned: bool) -> str:
    name = name_of(row, planned=planned)
    if planned:
        head = f"## {name}: {plain(row['topic'])}\n"
    else:
        head = f"## {name}: {plain(row['author'])} on {plain(row['site'])}\n\n{_fenced(row['url'])}"
        head += f"\nThey wrote:\n\n{_fenced(row['conversation'] or '')}\nThe reply:\n"
    return f"{head}\n{_fenced(row['text'])}\n{POSTING.format(name=name)}\n\n"


def _fenced(text: str) -> str:
    """`text` in a block in which Markdown sees no markup, whatever is in it."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n" + "".join(f"{plain(one)}\n" for one in text.splitlines()) + f"{fence}\n"


def _state(row: Mapping[str, Any]) -> str:
    return "posted" if row["posted_at"] is not None else str(row["state"])


def _when(moment: datetime | None) -> str:
    return f"{moment.astimezone():%Y-%m-%d %H:%M}" if moment else "unknown time"
