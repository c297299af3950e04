"""Posts on a terminal and in files: table, json, csv, jsonl.

What a page wrote is data, not instructions: control characters never reach a terminal, and a cell that a spreadsheet
would take for a formula is marked as text.
"""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from scraper.page import PageReport
from scraper.post import METRICS, Post, post_as_dict
from tidegate.options import Format
from tidegate.terminal import disarmed

FORMULA_STARTS = ("=", "+", "-", "@")
CONTROL_STARTS = ("\t", "\r")
CELL_FRAME = 3
NUMBER = re.compile(r"[-+≈]?[\d,.]+\w?( \w+)?|–|")  # noqa: RUF001 see `count`
LEAST_ROOM = 20
INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn"}


@dataclass(frozen=True, slots=True)
class Scraped:
    """What was asked for (a file or an address), and what became of it."""

    source: str
    site: str
    report: PageReport


def console_for_results() -> Console:
    """On a terminal as wide as that; in a file or a pipe wide enough to be read."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(width=120, highlight=False)


def write(pages: Sequence[Scraped], format: Format, console: Console) -> None:  # noqa: A002 the option's own name
    """Print `pages` to the console's file."""
    if format is Format.TABLE:
        for page in pages:
            console.print(_heading(page), style="bold", markup=False, soft_wrap=True)
            if page.report.posts:
                console.print(_table(page, console.width))
        return
    lines = {Format.JSON: _json, Format.JSONL: _jsonl, Format.CSV: _csv}[format](pages)
    for line in lines:
        # In a file csv is exact.
        console.file.write(disarmed(line) if console.is_terminal else line)
    console.file.flush()


def plain(text: str | None) -> str:
    """`text` on one line, without anything that a terminal would obey."""
    folded = " ".join((text or "").split())
    return "".join(character for character in folded if unicodedata.category(character) not in INVISIBLE)


def count(value: int | None, approximate: str | None = None) -> str:
    """A number as a person reads it; what the site showed, marked, where it was abbreviated; a dash for unknown."""
    if value is not None:
        return f"{value:,}"
    return f"≈{plain(approximate)}" if approximate else "–"  # noqa: RUF001 a dash that is not a minus


def table_of(headers: Sequence[str], rows: Sequence[Sequence[str]], *, roomy: str, width: int) -> Table:
    """A table `width` wide, in which `roomy` gets what the other columns leave, and numbers stand to the right.

    Where it is too narrow for that the widest columns are cut, so that short ones can be read.
    """
    table = Table()
    widest = [max(cell_len(cell) for cell in column) for column in zip(headers, *rows, strict=True)]
    room = width - 1 - CELL_FRAME * len(headers)
    others = sum(cells for header, cells in zip(headers, widest, strict=True) if header != roomy)
    wanted = [
        min(max(LEAST_ROOM, room - others), cells) if header == roomy else cells
        for header, cells in zip(headers, widest, strict=True)
    ]
    most = next((most for most in range(max(wanted), 1, -1) if sum(min(most, cells) for cells in wanted) <= room), 1)
    for place, header in enumerate(headers):
        is_number = all(NUMBER.fullmatch(row[place]) for row in rows)
        limit = min(most, wanted[place])
        table.add_column(header, justify="right" if is_number else "left", no_wrap=True, width=limit)
    for row in rows:
        # As text, not as markup: what a page wrote in brackets is not for the terminal to obey.
        table.add_row(*(Text(cell, overflow="ellipsis") for cell in row))
    return table


def _heading(page: Scraped) -> str:
    number = len(page.report.posts)
    posts = "1 post" if number == 1 else f"{number} posts"
    return f"{plain(page.source)} · {page.site} · {page.report.outcome.value} · {posts}"


def _table(page: Scraped, width: int) -> Table:
    posts = page.report.posts
    shown = [
        metric
        for metric in METRICS
        if any(post.metric(metric) is not None or metric in post.approximate for post in posts)
    ]
    rows = [
        (plain(post.author)[:20], plain(post.title or post.text), *(_cell(post, metric) for metric in shown))
        for post in posts
    ]
    return table_of(("author", "post", *shown), rows, roomy="post", width=width)


def _cell(post: Post, metric: str) -> str:
    seen = post.approximate.get(metric)
    return count(post.metric(metric), seen.text if seen else None)


def _json(pages: Sequence[Scraped]) -> Iterator[str]:
    yield disarmed(json.dumps([_page(page) for page in pages], ensure_ascii=False, indent=2)) + "\n"


def _page(page: Scraped) -> dict[str, Any]:
    report = page.report
    return {
        "source": page.source,
        "url": report.final_url,
        "site": page.site,
        "layout": report.layout,
        "outcome": report.outcome.value,
        "reason": report.reason,
        "warnings": list(report.warnings),
        "posts": [post_as_dict(post) for post in report.posts],
    }


def _jsonl(pages: Sequence[Scraped]) -> Iterator[str]:
    for post in _posts(pages):
        yield json_line(post)


def json_line(post: Post) -> str:
    """A post on a line of its own, as `jsonl` has it."""
    return disarmed(json.dumps(post_as_dict(post), ensure_ascii=False)) + "\n"


def _csv(pages: Sequence[Scraped]) -> Iterator[str]:
    columns = [*_flat(next(iter(_posts(pages)), Post(id="", site="", layout="")))]
    yield _line(columns)
    for post in _posts(pages):
        yield _line(_flat(post).values())


def _flat(post: Post) -> dict[str, Any]:
    row = post_as_dict(post)
    quoted = row.pop("quoted") or {}
    for name in ("sources", "warnings", "approximate"):
        row[name] = json.dumps(row[name], ensure_ascii=False) if row[name] else None
    return {**row, "quoted_author": quoted.get("author"), "quoted_id": quoted.get("id")}


def _line(cells: Iterable[object]) -> str:
    return csv_line(_harmless(cell) for cell in cells)


def csv_line(cells: Iterable[object]) -> str:
    """A record of csv, ended by a line feed. A cell with a carriage return is quoted, too."""
    buffer = io.StringIO(newline="")
    csv.writer(buffer, lineterminator="\r\n").writerow(cells)
    return f"{buffer.getvalue()[:-2]}\n"


def _harmless(cell: object) -> object:
    return without_formula(cell) if isinstance(cell, str) else cell


def without_formula(text: str) -> str:
    """With an apostrophe before it, if a spreadsheet would take it for a formula.

    Some drop white space, marks that can't be seen and a byte order mark first, and take full-width signs as well.
    """
    if not text or (text[0].isalnum() and text[0].isascii()):
        return text
    seen = next((one for one in text if not one.isspace() and unicodedata.category(one) not in INVISIBLE), "")
    is_formula = unicodedata.normalize("NFKC", seen).startswith(FORMULA_STARTS)
    return f"'{text}" if is_formula or text.startswith(CONTROL_STARTS) else text


def _posts(pages: Sequence[Scraped]) -> Iterator[Post]:
    for page in pages:
        yield from page.report.posts
