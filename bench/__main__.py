"""`python -m bench`: everything that is measured, and `compare`, `micro`, `soak`, `night`, `scale` one by one.

Without a command: the comparison, the micro figures, and what follows from them for many machines. All of it is
written into `docs/`.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bench import comparison, micro, night, night_report, report, scale, soak
from bench.cgroup import NoCgroup
from bench.comparison import Missing, Setting, usual_limits
from bench.environments import FOLDER
from bench.machine import command_line, machine
from bench.measuring import MIB, Run
from bench.micro import NotMeasurable
from bench.micro.jobs import LONG_RUN_POSTS
from bench.report import Results, limit_words
from bench.roster import TITLES, chosen
from tidegate.logs import configure_logs

app = typer.Typer(
    add_completion=False, pretty_exceptions_enable=False, context_settings={"help_option_names": ["-h", "--help"]}
)
console = Console(highlight=False)

Names = Annotated[str, typer.Option(help="with commas between; empty: all")]
To = Annotated[Path, typer.Option(help="the folder that results are written to")]
NO_LIMIT = "none"
UNFINISHED = FOLDER / "unfinished"


@app.callback(invoke_without_command=True)
def everything(context: typer.Context) -> None:
    """Measure everything and write it into docs/."""
    configure_logs(verbose=False, is_terminal=sys.stderr.isatty())
    # Whoever is asked to end does it as on Ctrl-C: what was measured is kept, and nothing is left running.
    signal.signal(signal.SIGTERM, lambda *_: os.kill(os.getpid(), signal.SIGINT))
    if context.invoked_subcommand is None:
        run_compare()
        run_micro()
        run_scale()


@app.command("compare")
def run_compare(
    *,
    entrants: Names = "",
    workloads: Names = "",
    limits: Annotated[str, typer.Option(help="MiB or none, with commas between; empty: the usual ones")] = "",
    rounds: int = comparison.ROUNDS,
    pages: Annotated[float, typer.Option(help="a share of each workload's usual number of pages")] = 1.0,
    seconds: Annotated[float, typer.Option(help="the most that one run may take")] = comparison.MOST_SECONDS,
    to: To = report.FOLDER,
) -> None:
    """All entrants, all kinds of pages, all memory limits, in interleaved rounds."""
    try:
        setting = Setting(
            tuple(chosen(_names(entrants))),
            usual_limits(_names(workloads), [_limit(name) for name in _names(limits)]),
            rounds,
            pages,
            seconds,
        )
    except (KeyError, ValueError) as error:
        raise typer.BadParameter(f"there is no {error.args[0]!r}") from None
    asyncio.run(_compare(setting, to))


async def _compare(setting: Setting, to: Path) -> None:
    runs: list[Run] = []
    missing: list[Missing] = []
    number = len(setting.plans())
    try:
        async for found in comparison.compare(setting):
            if isinstance(found, Missing):
                missing.append(found)
                console.print(f"[yellow]not measured: {found.what}: {found.why}[/]")
            else:
                runs.append(found)
                console.print(_line(found, len(runs), number), soft_wrap=True)
    except BaseException:
        # What was measured until Ctrl-C, or an error, is kept; but not in the place of a whole comparison.
        _keep(setting, missing, runs, UNFINISHED)
        raise
    _keep(setting, missing, runs, to)


def _keep(setting: Setting, missing: list[Missing], runs: list[Run], to: Path) -> None:
    ran = {run.plan.entrant for run in runs}
    if runs:
        known = machine(command_line(), [entrant for entrant in setting.entrants if entrant.name in ran])
        _say(report.write(Results(known, tuple(missing), tuple(runs)), to))


def _line(run: Run, done: int, number: int) -> str:
    plan = run.plan
    gone = "" if run.completed == plan.pages else f", [red]{plan.pages - run.completed} missing[/], {run.ended}"
    kills = f", [red]{run.oom_kills} OOM kills[/]" if run.oom_kills else ""
    peak = "" if run.peak_bytes is None else f", peak {run.peak_bytes / MIB:.0f} MiB"
    return (
        f"{done:>4}/{number} round {plan.round + 1} {plan.workload:<6} {limit_words(plan.limit_mib):<9} "
        f"{TITLES[plan.entrant]:<34}{run.pages_per_second:>6.1f} pages/s in {run.seconds:.0f} s{peak}{gone}{kills}"
    )


@app.command("micro")
def run_micro(
    *,
    posts: Annotated[
        int, typer.Option(help="posts of the run that a worker's memory is watched in")
    ] = LONG_RUN_POSTS,
    to: To = report.FOLDER,
) -> None:
    """What one step of the memory gate, the store, the queue and the jobs costs."""
    seconds = max(micro.PART_SECONDS, posts / micro.LEAST_POSTS_A_SECOND)
    parts = micro.parts_with(posts)
    measured = asyncio.run(
        micro.measure(lambda part: console.print(f"measuring: {part}"), parts=parts, seconds=seconds)
    )
    for part in measured.missing:
        console.print(f"[yellow]not measured: {part.part}: {part.reason}[/]")
    _say(report.write_micro(measured, machine(command_line()), to))


@app.command("scale")
def run_scale(to: To = report.FOLDER) -> None:
    """What many machines would come to, computed from what was measured."""
    page = to.parent / "scale.md" if to == report.FOLDER else to / "scale.md"
    try:
        speed, held_bytes = report.of_one_worker(report.load(to))
        worker_mib = held_bytes / MIB
        _say([scale.write(page, figures=to / "micro.json", pages_per_second=speed, worker_mib=worker_mib)])
    except (FileNotFoundError, NotMeasurable) as error:
        console.print(f"[yellow]scale.md is not written: {error}[/]")


@app.command("soak")
def run_soak(
    *,
    pages: int = soak.PAGES,
    limit: Annotated[str, typer.Option(help="MiB of a memory cgroup, or none")] = NO_LIMIT,
    to: To = report.FOLDER,
) -> None:
    """Thousands of pages in one pool."""

    def tell(done: int) -> None:
        console.print(f"{done:>7} of {pages}", end="\r")

    try:
        run, course = asyncio.run(soak.soak(pages, _limit_of(limit), tell))
    except NoCgroup as error:
        raise typer.BadParameter(str(error)) from None
    _say(soak.write(run, course, machine(command_line()), to))


@app.command("night")
def run_night(
    *,
    hours: float = 2.0,
    limit: Annotated[str, typer.Option(help="MiB of a memory cgroup, or none")] = "512",
    posts: Annotated[int, typer.Option(help="so many are followed; each is read every five minutes")] = night.POSTS,
    to: To = report.FOLDER,
) -> None:
    """The whole program for hours, with the embedded database, on a site that leaks."""
    try:
        found = asyncio.run(night.night(hours * 3600, _limit_of(limit), posts, _tell_sample))
    except (NoCgroup, night.DidNotStart) as error:
        console.print(f"[red]{error}[/]", soft_wrap=True)
        raise typer.Exit(1) from None
    _say(night_report.write(found, machine(command_line()), to))


def _tell_sample(sample: night.Sample) -> None:
    newest = "none" if sample.newest_seconds is None else f"{sample.newest_seconds:.0f} s old"
    console.print(
        f"{sample.seconds / 60:6.1f} min  {sample.snapshots:>7} rows, the last {newest:<9}  "
        f"{sample.used_bytes / MIB:4.0f} MiB used  {sample.alarms} alarms"
    )


def _limit_of(text: str) -> int | None:
    try:
        return _limit(text)
    except ValueError:
        raise typer.BadParameter(f"a limit is a number of MiB or {NO_LIMIT!r}, not {text!r}") from None


def _names(text: str) -> list[str]:
    return [name for part in text.split(",") if (name := part.strip())]


def _limit(text: str) -> int | None:
    if text == NO_LIMIT:
        return None
    if not text.isdecimal():
        raise ValueError(text)
    return int(text)


def _say(written: list[Path]) -> None:
    for path in written:
        console.print(f"written: {path}", soft_wrap=True)


if __name__ == "__main__":
    app()
