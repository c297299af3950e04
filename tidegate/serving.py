"""Running the jobs: all of them until told to stop, or one of them now."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import structlog

from browser_pool import BrowserPoolError, UnifiedBrowserPool
from jobs import JobReport, Worker
from scraper.store import schedules
from scraper.store.database import Database
from tidegate.all_jobs import all_jobs
from tidegate.errors import BadSetting, UsageError
from tidegate.listening import Listen
from tidegate.program import Program, open_database, open_program, tasks_at_once
from tidegate.settings import JOBS, Settings

log = structlog.get_logger()


USUAL: Final = Listen("127.0.0.1", 8710)
"""Where the dashboard of `serve` is, unless it is set."""
PROBE_SECONDS: Final = 30.0
DATABASE_PATIENCE_SECONDS: Final = 60.0
"""So long a worker that starts waits for a database that restarts, or starts beside it."""


async def serve(settings: Settings, stop: asyncio.Event, *, schedules: bool = True, listen: Listen = USUAL) -> None:
    """Do the jobs of the database until `stop` is set, then drain.

    The dashboard is where it is set, or at `listen`. Raises `UsageError` where it can't be.
    """
    listen = settings.dashboard or listen
    token = settings.dashboard_token.get_secret_value() if settings.dashboard_token else None
    if token and not (token.isascii() and token.isprintable()):
        raise BadSetting("dashboard_token", None, "plain ASCII, as it has to stand in a header")
    if not listen.is_off and not listen.is_loopback and not token:
        raise BadSetting(
            "dashboard", str(listen), "others than this machine can ask there: set TIDEGATE_DASHBOARD_TOKEN as well"
        )
    async with (
        open_program(settings) as program,
        open_database(
            settings, program.guard, keeps_running=True, patience_seconds=DATABASE_PATIENCE_SECONDS
        ) as database,
    ):
        jobs = await all_jobs(program.sharing_pace(database), database)
        at_once = tasks_at_once(program.pool)
        async with (
            Worker(database, program.guard, jobs, at_once=at_once, drain_seconds=settings.drain_seconds) as worker,
            _dashboard(listen, token, program, database, worker),
        ):
            log.info("worker.ready", at_once=at_once, jobs=[job.name for job in jobs], schedules=schedules)
            await worker.serve(stop, schedules=schedules)
    log.info("worker.ended")


@asynccontextmanager
async def _dashboard(
    listen: Listen, token: str | None, program: Program, database: Database, worker: Worker
) -> AsyncIterator[None]:
    if listen.is_off:
        yield
        return
    # A web server is memory that a worker without one does not need.
    from tidegate.dashboard import Dashboard  # noqa: PLC0415

    dashboard = Dashboard(
        listen, guard=program.guard, pool=program.pool, database=database, manager=worker.manager, token=token
    )
    async with dashboard.serving(), asyncio.TaskGroup() as group:
        probe = group.create_task(_probe(program.pool), name="dashboard.probe")
        yield
        probe.cancel()


async def _probe(pool: UnifiedBrowserPool) -> None:
    """Load one page, from memory: whether that works is what "ready" says, also before any post is due."""
    try:
        async with pool.lease(site="tidegate", job="probe", deadline=PROBE_SECONDS, needs_page=False) as lease:
            await lease.open("http://tidegate.invalid/", timeout_seconds=PROBE_SECONDS, saved_html=b"<p>ready")
    except BrowserPoolError as error:
        log.warning("probe.failed", error=str(error))


async def run_job(settings: Settings, name: str) -> JobReport:
    """One run of a job, now. Raises `UsageError` if there is none of that name."""
    check_job(name)
    async with (
        open_program(settings) as program,
        open_database(settings, program.guard, keeps_running=True) as database,
    ):
        jobs = await all_jobs(program.sharing_pace(database), database)
        async with Worker(
            database,
            program.guard,
            jobs,
            at_once=tasks_at_once(program.pool),
            drain_seconds=settings.drain_seconds,
        ) as worker:
            return await worker.run(name)


async def pause_job(settings: Settings, name: str, *, is_paused: bool) -> None:
    """Let a job rest, or not any more. Raises `UsageError` where it has no schedule."""
    check_job(name)
    async with open_database(settings) as database:
        if not await schedules.pause(database, name, is_paused=is_paused):
            raise UsageError(f"{name} has no schedule yet: `tidegate serve` writes it down when it first runs")


def check_job(name: str) -> None:
    """Raises `UsageError` if there is no job of that name."""
    if name not in JOBS:
        raise UsageError(f"there is no job {name}; there are {', '.join(JOBS)}")
