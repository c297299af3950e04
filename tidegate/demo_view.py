"""What `tidegate demo` prints: progress while it runs, and then what was read and what the memory gate did."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar
from rich.table import Table

from memory import by_role, mib, total_bytes
from scraper.outcome import Outcome
from scraper.post import METRICS
from tidegate.demo_run import DemoReport, Gate, Progress
from tidegate.formats import count, plain, table_of

SHOWN_POSTS = 15
LINE_EVERY_SECONDS = 5.0


@contextmanager
def progress_on(console: Console) -> Iterator[Progress]:
    """A bar on a terminal; elsewhere a plain line now and then."""
    if console.is_terminal:
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        with Bar(*columns, console=console, transient=True) as bar:
            task = bar.add_task("", total=None)
            yield Progress(
                stage=lambda name, total: bar.reset(task, description=name, total=total or None),
                page=lambda _: bar.advance(task),
            )
        return
    lines = _Lines(console)
    yield Progress(stage=lines.stage, page=lines.page)


class _Lines:
    def __init__(self, console: Console) -> None:
        self._console = console
        self._name = ""
        self._total = self._done = 0
        self._last_seconds = 0.0

    def stage(self, name: str, total: int) -> None:
        self._name, self._total, self._done, self._last_seconds = name, total, 0, time.monotonic()
        self._console.print(f"{name}{f' (0/{total})' if total else ''}", highlight=False)

    def page(self, _: Outcome) -> None:
        self._done += 1
        if self._done == self._total or time.monotonic() - self._last_seconds >= LINE_EVERY_SECONDS:
            self._last_seconds = time.monotonic()
            self._console.print(f"{self._name} ({self._done}/{self._total})", highlight=False)


def show(report: DemoReport, console: Console) -> None:
    """Everything that a run of the demo has to show."""
    shown = report.posts[:SHOWN_POSTS]
    console.print(f"\nPosts, most seen first ({len(shown)} of {len(report.posts)})", style="bold")
    console.print(_posts(shown, console.width))
    if report.opportunities:
        console.print("\nConversations worth a reply", style="bold")
        console.print(_opportunities(report.opportunities, console.width))
    console.print()
    console.print(_summary(report))


def _posts(shown: list[asyncpg.Record], width: int) -> Table:
    rows = [
        (
            plain(row["author"]),
            plain(row["text"]),
            *(count(row[metric]) for metric in METRICS if metric != "score"),
            _since(row),
        )
        for row in shown
    ]
    headers = ("author", "post", *(metric for metric in METRICS if metric != "score"), "since last")
    return table_of(headers, rows, roomy="post", width=width)


def _since(row: asyncpg.Record) -> str:
    if row["views"] is None or row["views_before"] is None:
        return ""
    return f"{row['views'] - row['views_before']:+,} views"


def _opportunities(rows: list[asyncpg.Record], width: int) -> Table:
    cells = [
        (f"{row['score']:.2f}", row["tier"], plain(row["author"]), plain(row["text"]), row["because"]) for row in rows
    ]
    headers = ("score", "tier", "author", "post", "because")
    return table_of(headers, cells, roomy="post", width=width)


def _summary(report: DemoReport) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    for job, what in ((report.metrics, "pages"), (report.harvest, "feeds")):
        outcomes = ", ".join(f"{number} {name}" for name, number in (job.outcomes or {}).items())
        done = f"{job.status.value}: {job.pages} {what} in {job.seconds:.1f} s ({outcomes or 'none'})"
        table.add_row(job.job, f"{done}, {job.rows_written} rows written")
        if job.reason:
            table.add_row("", job.reason)
    table.add_row("speed", f"{report.pages_a_second:.1f} pages/s")
    checked = report.right + report.wrong
    truth = f"{report.right} of {checked} stored values equal the demo site's own data, {report.wrong} do not"
    table.add_row("checked", truth)
    table.add_row("peak memory", _peak(report.gate))
    table.add_row("memory gate", _gate(report.gate))
    return table


def _peak(gate: Gate) -> str:
    bound = gate.last.binding
    holders = ", ".join(f"{role.value} {held >> 20}" for role, held in by_role(gate.peak_tree).items())
    tree = f"{mib(total_bytes(gate.peak_tree))} in all our processes together ({holders})"
    if bound is None:
        return f"{tree}; no memory limit is known here"
    kills = "unknown" if gate.oom_kills is None else str(gate.oom_kills)
    return f"{tree}; {mib(gate.peak_used_bytes)} of {mib(bound.limit_bytes)} ({bound.kind}); OOM kills: {kills}"


def _gate(gate: Gate) -> str:
    pool = gate.pool
    refused = ", ".join(f"{number} for {reason}" for reason, number in pool.refused.items()) or "none"
    alone = f" ({pool.granted_alone} of them with nobody else at work)" if pool.granted_alone else ""
    return (
        f"{pool.granted} leases on {pool.contexts_made} contexts{alone}, refused: {refused}; "
        f"longest wait {pool.longest_wait_seconds:.1f} s; "
        f"clean-up ran {gate.cleanups} times and freed {mib(gate.freed_bytes)}"
    )
