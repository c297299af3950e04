"""`tidegate memory` on a terminal, and as JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import asyncpg
from rich.console import Console
from rich.table import Table

from memory import Bound, Level, Reading, mib
from tidegate.formats import plain, table_of
from tidegate.memory_report import MemoryReport

BARS = " ▁▂▃▄▅▆▇█"
STYLES = {Level.NORMAL: "green", Level.ELEVATED: "yellow", Level.CRITICAL: "red", Level.EMERGENCY: "bold red"}
SHOWN_COSTS = 10
AT_WORK = timedelta(seconds=25)


def show_memory(report: MemoryReport, console: Console) -> None:
    """Everything, for a person."""
    reading = report.reading
    console.print(f"Memory now: {reading.level.name.lower()}", style=STYLES[reading.level])
    if reading.bounds:
        console.print(_bounds(report, console.width))
    for unknown in reading.unknowns:
        console.print(f"not known: {unknown}", highlight=False, soft_wrap=True, markup=False)
    since = f"since {_local(report.since)}"
    if not report.history.over_time:
        console.print(f"\nNothing has run {since}.", highlight=False)
        return
    console.print(f"\nMemory used, {since} (each mark is the fullest moment of its stretch)", style="bold")
    console.print(_curve(report.history.over_time), highlight=False, soft_wrap=True)
    latest = _latest(report.history.processes)
    _show(console, "Who held memory at the last look", _holders(latest, console.width))
    _show(console, "Budgets at the last look", _budgets(latest, console.width))
    _show_ladder(report, console)
    _show(console, "Skipped, or run small, for lack of memory", _skips(report.history.skips, console.width))
    _show(console, "What work is expected to cost", _costs(report, console.width))


def as_dict(report: MemoryReport) -> dict[str, Any]:
    """Everything, for a program. Sizes are bytes, times ISO 8601."""
    history = report.history
    return {
        "now": reading_as_dict(report.reading),
        "since": report.since.isoformat(),
        "over_time": _rows(history.over_time),
        "processes": _rows(history.processes),
        "ladder": {**(dict(history.ladder_sums) if history.ladder_sums else {}), "last": _rows(history.ladder_runs)},
        "skips": _rows(history.skips),
        "expected_costs": [dataclasses.asdict(one) for one in report.learned],
    }


def reading_as_dict(reading: Reading) -> dict[str, Any]:
    """One look, for a program. Sizes are bytes."""
    return {
        "level": reading.level.name.lower(),
        "limit_bytes": reading.limit_bytes,
        "used_bytes": reading.used_bytes,
        "available_bytes": reading.available_bytes,
        "bound_by": reading.binding.source if reading.binding else None,
        "bounds": [dataclasses.asdict(bound) for bound in reading.bounds],
        "pressure": reading.pressure,
        "oom_kills": reading.oom_kills,
        "unknowns": list(reading.unknowns),
    }


def _rows(records: Iterable[asyncpg.Record]) -> list[dict[str, Any]]:
    return [
        {name: value.isoformat() if isinstance(value, datetime) else value for name, value in record.items()}
        for record in records
    ]


def _show(console: Console, title: str, table: Table | None) -> None:
    if table is not None:
        console.print(f"\n{title}", style="bold", highlight=False)
        console.print(table)


def _bounds(report: MemoryReport, width: int) -> Table:
    reading = report.reading
    rows = [
        (
            bound.kind,
            bound.where or "",
            mib(bound.limit_bytes),
            mib(bound.used_bytes),
            f"{bound.used_bytes / bound.limit_bytes:.0%}",
            mib(bound.headroom_bytes),
            _files(bound),
            "binds" if bound is reading.binding else "",
        )
        for bound in reading.bounds
    ]
    names = ("limit of", "where", "limit", "used", "share", "left", "files", "")
    return table_of(names, rows, roomy="where", width=width)


def _files(bound: Bound) -> str:
    """File pages in use, and how many of them are among what is used."""
    if bound.files_bytes is None or bound.needed_files_bytes is None:
        return "used" if bound.kind.startswith("cgroup") else ""
    return f"{mib(bound.files_bytes)}, {bound.needed_files_bytes >> 20} used"


def _curve(over_time: Sequence[asyncpg.Record]) -> str:
    shares = [row["share"] for row in over_time]
    known = [share for share in shares if share is not None]
    if not known:
        return "no limit was known"
    marks = "".join(
        "?" if share is None else BARS[min(len(BARS) - 1, max(0, round(share * (len(BARS) - 1))))] for share in shares
    )
    fullest = max((row for row in over_time if row["share"] is not None), key=lambda row: row["share"])
    return (
        f"|{marks}|  fullest {fullest['share']:.0%}: {mib(fullest['peak_used_bytes'])} of "
        f"{mib(fullest['limit_bytes'])} ({Level(fullest['level']).name.lower()}) at {_local(fullest['from_at'])}"
    )


def _latest(processes: Sequence[asyncpg.Record]) -> list[asyncpg.Record]:
    """Those that were at work when the newest sample was taken: the others have ended."""
    newest = max((row["at"] for row in processes), default=None)
    return [row for row in processes if newest is not None and newest - row["at"] < AT_WORK]


def _holders(processes: Sequence[asyncpg.Record], width: int) -> Table | None:
    rows = [
        (
            row["process"],
            _local(row["at"]),
            mib(sum(row["by_role"].values())),
            ", ".join(f"{role} {held >> 20}" for role, held in row["by_role"].items()),
        )
        for row in processes
    ]
    return (
        table_of(("process", "at", "in all", "by role, MiB (PSS)"), rows, roomy="by role, MiB (PSS)", width=width)
        if rows
        else None
    )


def _budgets(processes: Sequence[asyncpg.Record], width: int) -> Table | None:
    rows = [
        (
            row["process"],
            name,
            _size(one["budget"]),
            _size(one["promised"]),
            _size(one["unused"]),
            _size(one["held"]),
        )
        for row in processes
        for name, one in row["by_component"].items()
    ]
    headers = ("process", "component", "budget", "promised", "not arrived", "held (PSS)")
    return table_of(headers, rows, roomy="process", width=width) if rows else None


def _show_ladder(report: MemoryReport, console: Console) -> None:
    sums = report.history.ladder_sums
    if sums is None or not sums["runs"]:
        return
    title = f"Clean-up: {sums['runs']} runs, {sums['runs_calm']} reached calm, {mib(sums['freed_bytes'])} given back"
    console.print(f"\n{title}; the last ones", style="bold", highlight=False)
    for run in report.history.ladder_runs:
        console.print(_ladder_run(run), highlight=False, soft_wrap=True, markup=False)


def _ladder_run(run: asyncpg.Record) -> str:
    steps = ", ".join(_step(step) for step in run["steps"]) or "there was nothing to do"
    calm = "calm" if run["is_calm"] else "not calm yet"
    return (
        f"{_local(run['at'])}  {plain(run['reason'])}: {mib(run['freed_bytes'])} in {run['seconds']:.1f} s, {calm}"
        f" ({steps})"
    )


def _step(step: dict[str, Any]) -> str:
    return f"{step['name']} {plain(step['detail']) if step['failed'] else mib(step['freed'])}"


def _skips(skips: Sequence[asyncpg.Record], width: int) -> Table | None:
    rows = [
        (plain(row["name"]), row["ending"], f"{row['times']}", _local(row["last_at"]), plain(row["last_reason"]))
        for row in skips
    ]
    return (
        table_of(("what", "ending", "times", "last", "because"), rows, roomy="because", width=width) if rows else None
    )


def _costs(report: MemoryReport, width: int) -> Table | None:
    rows = [(plain(one.name), mib(one.expected_bytes), f"{one.observations}") for one in report.learned[:SHOWN_COSTS]]
    return table_of(("class", "expected", "observations"), rows, roomy="class", width=width) if rows else None


def _size(value: int | None) -> str:
    return "unknown" if value is None else mib(value)


def _local(at: datetime) -> str:
    return f"{at.astimezone():%m-%d %H:%M:%S}"
