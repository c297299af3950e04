"""Running the jobs: all of them until told to stop, or one of them now."""

from __future__ import annotations

import asyncio

import structlog

from jobs import JobReport, Worker
from scraper.store import schedules
from tidegate.all_jobs import all_jobs
from tidegate.errors import UsageError
from tidegate.program import open_database, open_program, tasks_at_once
from tidegate.settings import JOBS, Settings

log = structlog.get_logger()


async def serve(settings: Settings, stop: asyncio.Event, *, schedules: bool) -> None:
    """Do the jobs of the database until `stop` is set, then drain."""
    async with (
        open_program(settings) as program,
        open_database(settings, program.guard, keeps_running=True) as database,
    ):
        jobs = await all_jobs(program.sharing_pace(database), database)
        at_once = tasks_at_once(program.pool)
        async with Worker(
            database, program.guard, jobs, at_once=at_once, drain_seconds=settings.drain_seconds
        ) as worker:
            log.info("worker.ready", at_once=at_once, jobs=[job.name for job in jobs], schedules=schedules)
            await worker.serve(stop, schedules=schedules)
    log.info("worker.ended")


async def run_job(settings: Settings, name: str) -> JobReport:
    """One run of a job, now. Raises `UsageError` if there is none of that name."""
    _check(name)
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
    _check(name)
    async with open_database(settings) as database:
        if not await schedules.pause(database, name, is_paused=is_paused):
            raise UsageError(f"{name} has no schedule yet: `tidegate serve` writes it down when it first runs")


def _check(name: str) -> None:
    if name not in JOBS:
        raise UsageError(f"there is no job {name}; there are {', '.join(JOBS)}")
