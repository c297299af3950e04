"""`tidegate serve`, `worker`, `run` and `jobs`: see `tidegate.serving` and `tidegate.jobs_view`."""

from __future__ import annotations

from typing import Annotated

import typer

from tidegate.beginning import begin
from tidegate.options import Chromium, Json, MemoryLimit, Verbose
from tidegate.running import EXIT_FAILURE, run_until_done, serve_until_stopped

app = typer.Typer(help="What runs when, how it went, and what is wrong.")

Name = Annotated[str, typer.Argument(metavar="JOB", help="One of those that `tidegate jobs list` shows.")]
AllowPrivate = Annotated[bool, typer.Option("--allow-private", help="Open private addresses, too.")]
Dashboard = Annotated[
    str | None,
    typer.Option(metavar="HOST:PORT", help='Where the dashboard, health and metrics are; "off": nowhere.'),
]
Schedules = Annotated[
    bool, typer.Option("--schedule/--no-schedule", help="Ask for runs when they are due, as well as doing them.")
]


def serve(
    dashboard: Dashboard = None,
    chromium: Chromium = None,
    memory_limit_mb: MemoryLimit = None,
    allow_private: AllowPrivate = False,
    verbose: Verbose = False,
) -> None:
    """Run the jobs on their schedules, and show how they do at http://127.0.0.1:8710/, until told to stop.

    SIGTERM or Ctrl-C: nothing new is taken, pages at work come to their end, what is left is handed on; exit code 0.
    A second one ends it at once.

    Examples: tidegate serve | tidegate serve --dashboard off
    """
    from tidegate.serving import serve as serve_jobs

    settings = begin(
        verbose=verbose,
        dashboard=dashboard,
        chromium=chromium,
        memory_limit_mb=memory_limit_mb,
        allow_private=allow_private or None,
        is_service=True,
    )
    serve_until_stopped(lambda stop: serve_jobs(settings, stop))


def worker(  # noqa: PLR0917 options of a command
    schedule: Schedules = True,
    dashboard: Dashboard = None,
    chromium: Chromium = None,
    memory_limit_mb: MemoryLimit = None,
    allow_private: AllowPrivate = False,
    verbose: Verbose = False,
) -> None:
    """Do the jobs of a database together with other workers, on this machine or others.

    Any number may run with the same TIDEGATE_DATABASE_URL. Schedules are in the database: each run is asked for once.
    There is a dashboard of this worker where --dashboard says.

    Example: TIDEGATE_DATABASE_URL=postgresql://tidegate@db/tidegate tidegate worker
    """
    from tidegate.listening import NOWHERE
    from tidegate.serving import serve as serve_jobs

    settings = begin(
        verbose=verbose,
        dashboard=dashboard,
        chromium=chromium,
        memory_limit_mb=memory_limit_mb,
        allow_private=allow_private or None,
        is_service=True,
    )
    serve_until_stopped(lambda stop: serve_jobs(settings, stop, schedules=schedule, listen=NOWHERE))


def run(  # noqa: PLR0917 options of a command
    job: Name,
    as_json: Json = False,
    chromium: Chromium = None,
    memory_limit_mb: MemoryLimit = None,
    allow_private: AllowPrivate = False,
    verbose: Verbose = False,
) -> None:
    """Run one job now, together with other workers if there are any, and show what came of it.

    Exit code 1: it failed, or was skipped.

    Example: tidegate run metrics_scraper
    """
    from tidegate.formats import console_for_results
    from tidegate.jobs_view import print_report, show_report
    from tidegate.serving import run_job

    settings = begin(
        verbose=verbose, chromium=chromium, memory_limit_mb=memory_limit_mb, allow_private=allow_private or None
    )
    report = run_until_done(run_job(settings, job))
    if as_json:
        print_report(report)
    else:
        show_report(report, console_for_results())
    if report.status.value in {"failed", "skipped"}:
        raise typer.Exit(EXIT_FAILURE)


@app.command("list")
def list_jobs(as_json: Json = False, verbose: Verbose = False) -> None:
    """Show every job: when it runs next, how it last went, and what is wrong.

    Examples: tidegate jobs list | tidegate jobs list --json
    """
    from tidegate.formats import console_for_results
    from tidegate.jobs_view import overview, print_overview, show_overview

    found = run_until_done(overview(begin(verbose=verbose)))
    if as_json:
        print_overview(found)
    else:
        show_overview(found, console_for_results())


@app.command("runs")
def runs(
    job: Annotated[str | None, typer.Argument(metavar="[JOB]", help="Only of this job.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="So many, the last ones first.")] = 20,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Show the last runs, those that were skipped among them, with their reasons.

    Example: tidegate jobs runs metrics_scraper --limit 5
    """
    from tidegate.formats import console_for_results
    from tidegate.jobs_view import last_runs, print_runs, show_runs
    from tidegate.serving import check_job

    if job is not None:
        check_job(job)
    found = run_until_done(last_runs(begin(verbose=verbose), job, limit))
    if as_json:
        print_runs(found)
    else:
        show_runs(found, console_for_results())


@app.command("pause")
def pause(job: Name, verbose: Verbose = False) -> None:
    """Ask for no more runs of a job, on any machine, until it is resumed. A run that is going goes on.

    Example: tidegate jobs pause reply_harvester
    """
    _pause(job, verbose=verbose, is_paused=True)


@app.command("resume")
def resume(job: Name, verbose: Verbose = False) -> None:
    """Ask for runs of a paused job again.

    Example: tidegate jobs resume reply_harvester
    """
    _pause(job, verbose=verbose, is_paused=False)


def _pause(job: str, *, verbose: bool, is_paused: bool) -> None:
    from tidegate.serving import pause_job

    run_until_done(pause_job(begin(verbose=verbose), job, is_paused=is_paused))
    typer.echo(f"{job} {'is paused' if is_paused else 'runs again'}")
