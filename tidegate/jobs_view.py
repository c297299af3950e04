"""Jobs and their runs, as tables for people or JSON for programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

import asyncpg
from rich.console import Console
from rich.table import Table
from rich.text import Text

from jobs import JobReport
from scraper.store import alarms, runs, schedules
from tidegate.options import print_json
from tidegate.program import open_database
from tidegate.settings import MIB, Settings

COLOURS = {"success": "green", "partial": "yellow", "failed": "red", "skipped": "yellow", "running": "cyan"}


@dataclass(frozen=True, slots=True)
class Overview:
    """Every job that has a schedule, with its last run, and the alarms that are not over."""

    now: datetime
    jobs: Sequence[asyncpg.Record]
    alarms: Sequence[asyncpg.Record]


async def overview(settings: Settings) -> Overview:
    """How the jobs are doing."""
    async with open_database(settings) as database:
        now = await database.pool.fetchval("select clock_timestamp()")
        found = [row for row in await schedules.every(database) if row["rule"] != "never"]
        return Overview(now, found, await alarms.raised(database))


async def last_runs(settings: Settings, job: str | None, limit: int) -> list[asyncpg.Record]:
    """The last runs, the latest first."""
    async with open_database(settings) as database:
        return await runs.recent(database, limit=limit, job=job)


def show_report(report: JobReport, console: Console) -> None:
    """One run, for people."""
    line = Text(f"{report.job}: ").append(report.status.value, COLOURS[report.status.value])
    line.append(f", {report.pages} pages, {report.rows_written} rows, {report.seconds:.1f} s")
    if report.peak_bytes:
        line.append(f", at most {report.peak_bytes / MIB:.0f} MiB")
    console.print(line, soft_wrap=True)
    for outcome, pages in (report.outcomes or {}).items():
        console.print(f"  {outcome:<16} {pages}", highlight=False)
    if report.reason:
        console.print(Text(f"  {report.reason}"), soft_wrap=True)


def print_report(report: JobReport) -> None:
    """One run, as JSON."""
    print_json(asdict(report))


def show_overview(found: Overview, console: Console) -> None:
    """Every job, for people."""
    if not found.jobs:
        console.print("No job has a schedule yet: `tidegate serve` writes them down when it first runs.")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("job", "when", "next", "last run", "", "pages", "rows", "reason"):
        table.add_column(heading, justify="right" if heading in {"pages", "rows"} else "left")
    for row in found.jobs:
        coming = "paused" if row["paused_at"] else _away(row["next_at"], found.now)
        status = row["status"] or "never"
        table.add_row(
            row["job"],
            row["rule"],
            coming,
            _ago(row["started_at"], found.now),
            Text(status, COLOURS.get(status, "")),
            str(row["pages"] or 0),
            str(row["rows_written"] or 0),
            Text(_short(row["reason"])),
        )
    console.print(table)
    for alarm in found.alarms:
        said = f"alarm: {alarm['job']} {alarm['kind']} since {alarm['raised_at']:%Y-%m-%d %H:%M} UTC: {alarm['says']}"
        console.print(Text(said, "red"), soft_wrap=True)


def print_overview(found: Overview) -> None:
    """Every job, as JSON."""
    print_json({"now": found.now, "jobs": list(map(dict, found.jobs)), "alarms": list(map(dict, found.alarms))})


def show_runs(found: Sequence[asyncpg.Record], console: Console) -> None:
    """Runs, for people."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("run", "job", "", "started (UTC)", "seconds", "tasks", "pages", "rows", "peak MiB", "reason"):
        is_number = heading in {"run", "seconds", "tasks", "pages", "rows", "peak MiB"}
        table.add_column(heading, justify="right" if is_number else "left")
    for row in found:
        left = f"{row['tasks'] - row['open_tasks']}/{row['tasks']}" if row["open_tasks"] else str(row["tasks"])
        table.add_row(
            str(row["id"]),
            row["job"],
            Text(row["status"], COLOURS.get(row["status"], "")),
            f"{row['started_at'].astimezone(UTC):%m-%d %H:%M:%S}",
            f"{row['seconds']:.1f}",
            left,
            str(row["pages"]),
            str(row["rows_written"]),
            f"{row['peak_bytes'] / MIB:.0f}" if row["peak_bytes"] else "",
            Text(_short(row["reason"])),
        )
    console.print(table)


def print_runs(found: Sequence[asyncpg.Record]) -> None:
    """Runs, as JSON."""
    print_json(list(map(dict, found)))


def _away(moment: datetime, now: datetime) -> str:
    seconds = (moment - now).total_seconds()
    return "now" if seconds <= 1 else f"in {_span(seconds)}"


def _ago(moment: datetime | None, now: datetime) -> str:
    return f"{_span((now - moment).total_seconds())} ago" if moment else ""


def _span(seconds: float) -> str:
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def _short(reason: str | None) -> str:
    return "" if reason is None else reason if len(reason) <= 120 else f"{reason[:119]}…"
