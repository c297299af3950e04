"""JobManager: runs a job, or says why not.

Each run wears `memory_safe`: where memory is short the ladder is climbed, and what is still short then is put off
with a row that holds the arithmetic, unless the job is critical: that runs in its smallest form. One run of a job at
a time, across all processes on one database; a run whose process died is closed by the next.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import structlog

from jobs.job import Ending, Job, JobReport, Run, Status
from memory import Component, MemoryGuard, SkippedForMemory, memory_safe
from scraper.outcome import Outcome
from scraper.store import runs
from scraper.store.database import Database
from scraper.store.locks import try_lock

log = structlog.get_logger()

WAIT_SECONDS = 10.0
"""How long a job that finds no memory waits before it is put off: what is closed for it takes a moment to be gone."""


class JobManager:
    """Runs jobs against one database."""

    def __init__(self, database: Database, guard: MemoryGuard, *, wait_seconds: float = WAIT_SECONDS) -> None:
        self._database = database
        self._guard = guard
        self._wait_seconds = wait_seconds

    async def run(self, job: Job, tell: Callable[[Outcome], None] = lambda _: None) -> JobReport:
        """One run, from the memory check to the last row. Raises only what stops the database."""
        async with self._only_run(job.name) as is_only:
            if not is_only:
                return await self._skip(job, "it is running already")
            try:
                async with memory_safe(
                    job.need_mb,
                    component=Component.JOBS,
                    critical=job.is_critical,
                    name=f"job {job.name}",
                    wait_seconds=0.0 if job.is_critical else self._wait_seconds,
                    guard=self._guard,
                ) as permit:
                    return await self._run(job, tell, is_small=permit.is_small)
            except SkippedForMemory as skipped:
                return await self._skip(job, f"not enough memory: {skipped.admission.reason}")

    async def _skip(self, job: Job, reason: str) -> JobReport:
        log.warning("job.skipped", job=job.name, reason=reason)
        await runs.skip(self._database, job.name, reason)
        return JobReport(job.name, None, Status.SKIPPED, reason)

    async def _run(self, job: Job, tell: Callable[[Outcome], None], *, is_small: bool) -> JobReport:
        started = time.monotonic()
        number = await runs.start(self._database, job.name)
        log.info("job.started", job=job.name, run=number, small=is_small)
        ending = Ending(Status.FAILED, "it was cancelled")
        try:
            ending = await self._work(job, Run(number, is_small, tell))
        finally:
            peak = self._guard.monitor.peak_used_bytes or None
            counted = await runs.finish(
                self._database, number, status=ending.status.value, reason=ending.reason, peak_bytes=peak
            )
        outcomes = await runs.outcomes(self._database, number)
        seconds = time.monotonic() - started
        log.info(
            "job.finished",
            job=job.name,
            run=number,
            status=ending.status.value,
            pages=counted.pages,
            rows=counted.rows_written,
            seconds=round(seconds, 2),
            reason=ending.reason,
        )
        return JobReport(
            job.name,
            number,
            ending.status,
            ending.reason,
            counted.pages,
            counted.rows_written,
            seconds,
            peak,
            outcomes,
        )

    async def _work(self, job: Job, run: Run) -> Ending:
        limit = asyncio.timeout(job.deadline_seconds)
        try:
            async with limit:
                return await job.work(run)
        except TimeoutError:
            if not limit.expired():
                raise
            return Ending(
                Status.PARTIAL, f"stopped at its deadline of {job.deadline_seconds:.0f} s; what it read is kept"
            )
        except Exception as error:
            # Whatever it was, the run is closed with it; the next run is not this one's to prevent.
            log.exception("job.failed", job=job.name, run=run.number)
            return Ending(Status.FAILED, _innermost(error))

    @asynccontextmanager
    async def _only_run(self, job: str) -> AsyncIterator[bool]:
        """True while this is the only run of `job` on this database.

        Who gets the lock knows that no other run is alive, and closes what a dead one left open.
        """
        async with try_lock(self._database, "job", job) as is_only:
            if is_only:
                await runs.close_abandoned(self._database, job)
            yield is_only


def _innermost(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"
