"""Doing a task: begun, admitted, worked at within its deadline, and over, put off or failed, whatever happens.

Whoever is handed a task looks first whether it is still to be done. What was put off counts, so that a task which
finds no memory too often must run; what fails is tried again as its job says, and then held, so that others go on.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog

from jobs.job import Ending, Job, PutOff, Run, Status
from jobs.room import Room
from memory import Component, MemoryGuard, MemoryMonitor, Reading, SkippedForMemory, memory_safe
from scraper.outcome import Outcome
from scraper.store import tasks
from scraper.store.database import Database
from scraper.store.patience import is_database_trouble, patiently
from scraper.store.tasks import StartedTask

log = structlog.get_logger()

WAIT_SECONDS: Final = 10.0
"""How long what finds no memory waits before it is put off: what is closed for it takes a moment to be gone."""
MOST_PUT_OFFS: Final = 8
"""A task that was put off so often must run."""
AGAIN: Final = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class _Done:
    """A task came to an end of its own."""

    ending: Ending
    peak_bytes: int | None


class TaskRunner:
    """Does tasks of `jobs` for `worker`. `close` is told the run of each that is over; `tell` hears of pages."""

    def __init__(
        self,
        database: Database,
        guard: MemoryGuard,
        jobs: Mapping[str, Job],
        *,
        worker: str,
        close: Callable[[int], Awaitable[None]],
        wait_seconds: float,
        tell: Callable[[Outcome], None],
        stopping: asyncio.Event,
    ) -> None:
        self._database = database
        self._guard = guard
        self._jobs = jobs
        self._worker = worker
        self._close = close
        self._wait_seconds = wait_seconds
        self._tell = tell
        self._stopping = stopping
        self._small = asyncio.Lock()
        self._room = Room()
        self._at_work: set[asyncio.Task[_Done]] = set()
        self._begun: set[int] = set()
        self._abandoned = False

    def abandon(self) -> None:
        """Cancel what is at work here; its tasks are handed on as they are."""
        self._abandoned = True
        for work in self._at_work:
            work.cancel()

    async def perform(self, number: int) -> timedelta | None:
        """Do a task, if it is still to be done. Returns after how long to try again, None if it is over."""
        if self._stopping.is_set():
            return timedelta(0)
        if number in self._begun:
            # Delivered twice: the queue took us for dead.
            return AGAIN
        self._begun.add(number)
        try:
            return await self._perform_once(number)
        finally:
            self._begun.discard(number)

    async def _perform_once(self, number: int) -> timedelta | None:
        task = await patiently("a task is begun", lambda: tasks.start(self._database, number, self._worker))
        if task is None:
            return None
        job = self._jobs.get(task.job)
        if job is None:
            return await self._put_off(task, PutOff(f"{self._worker} knows no job {task.job}"), counts=False)
        if task.held is not None:
            log.error("page.held", url=task.held, reason=f"{tasks.DEATHS} workers died at it")
        if task.deaths >= tasks.DEATHS:
            await self._finish(task, "held", reason=f"{task.deaths} workers died at it")
            return None
        if task.is_overdue:
            await self._finish(task, "dropped", reason=tasks.OVERDUE)
            return None
        return await self._perform(job, task)

    async def _perform(self, job: Job, task: StartedTask) -> timedelta | None:
        try:
            is_critical = job.is_critical or task.put_offs >= MOST_PUT_OFFS
            need_mb = job.need_mb if job.plan is None else job.task_mb
            async with (
                admitted(
                    self._guard,
                    f"task of {job.name}",
                    need_mb,
                    is_critical=is_critical,
                    wait_seconds=self._wait_seconds,
                ) as is_small,
                self._small if is_small else nullcontext(),
                # Two pages that are open when a worker dies can't be told apart: the next time each is alone.
                self._room.entered(alone=task.is_suspect),
            ):
                done = await self._work(job, task, is_small=is_small)
        except SkippedForMemory as skipped:
            return await self._put_off(task, PutOff(f"not enough memory: {skipped.admission.reason}"))
        except PutOff as put_off:
            return await self._put_off(task, put_off, counts=not self._stopping.is_set())
        except Exception as error:
            if is_database_trouble(error):
                return await self._put_off(task, PutOff(f"the database: {in_words(error)}", AGAIN), counts=False)
            if not isinstance(error, _Hung):
                log.exception("task.failed", job=job.name, run=task.run, task=task.number)
            return await self._failed(job, task, in_words(error))
        ending = done.ending if task.held is None else _without(done.ending, task.held)
        await self._finish(task, "done", ending=ending.status.value, reason=ending.reason, peak_bytes=done.peak_bytes)
        return None

    async def _work(self, job: Job, task: StartedTask, *, is_small: bool) -> _Done:
        """The work itself, in an asyncio task of its own, so that it can be ended without ending us."""

        async def mark(post: int | None) -> None:
            await tasks.mark(self._database, task.number, post)

        run = Run(
            task.run,
            is_small,
            self._tell,
            task.began,
            task.number,
            task.payload,
            self._stopping.is_set,
            mark,
        )
        work = asyncio.create_task(_within(job, run, self._guard.monitor), name=f"{job.name}.task")
        self._at_work.add(work)
        try:
            return await work
        except asyncio.CancelledError:
            if self._abandoned and work.cancelled():
                raise PutOff("its worker was stopped", timedelta(0)) from None
            work.cancel()
            raise
        finally:
            self._at_work.discard(work)

    async def _put_off(self, task: StartedTask, why: PutOff, *, counts: bool = True) -> timedelta:
        if counts:
            log.warning("task.put_off", job=task.job, run=task.run, task=task.number, reason=why.reason)
        seconds = why.pause.total_seconds()
        await patiently(
            "a task is put off",
            lambda: tasks.put_off(self._database, task.number, why.reason, seconds=seconds, counts=counts),
        )
        return why.pause

    async def _failed(self, job: Job, task: StartedTask, reason: str) -> timedelta | None:
        failures = task.failures + 1
        pause = job.retry.pause(failures)
        log.warning("task.failed", job=job.name, run=task.run, task=task.number, failures=failures, reason=reason)
        if pause is None:
            await self._finish(task, "held", reason=f"it failed {failures} times: {reason}")
            return None
        await patiently(
            "a task is to be tried again",
            lambda: tasks.put_off(
                self._database, task.number, reason, seconds=pause.total_seconds(), is_failure=True
            ),
        )
        return pause

    async def _finish(
        self,
        task: StartedTask,
        state: str,
        *,
        ending: str | None = None,
        reason: str | None = None,
        peak_bytes: int | None = None,
    ) -> None:
        async def finish() -> None:
            async with self._database.connection() as connection, connection.transaction():
                await tasks.finish(
                    connection, task.number, state, ending=ending, reason=reason, peak_bytes=peak_bytes
                )

        if state != "done":
            log.error("task.over", job=task.job, run=task.run, task=task.number, state=state, reason=reason)
        await patiently("a task is over", finish)
        await patiently("a run is closed", lambda: self._close(task.run))


@asynccontextmanager
async def admitted(
    guard: MemoryGuard, what: str, need_mb: float, *, is_critical: bool, wait_seconds: float
) -> AsyncIterator[bool]:
    """A memory check that has passed; whether only in the smallest form. Raises `SkippedForMemory`."""
    async with memory_safe(
        need_mb,
        component=Component.JOBS,
        critical=is_critical,
        name=what,
        wait_seconds=0.0 if is_critical else wait_seconds,
        guard=guard,
    ) as permit:
        yield permit.is_small


def _without(ending: Ending, page: str) -> Ending:
    """An ending of a task that was begun without a page."""
    held = f"{page} is held: {tasks.DEATHS} workers died at it"
    status = Status.PARTIAL if ending.status is Status.SUCCESS else ending.status
    return Ending(status, f"{held}; {ending.reason}" if ending.reason else held)


class _Hung(Exception):
    """A task took longer than it may."""


async def _within(job: Job, run: Run, monitor: MemoryMonitor) -> _Done:
    limit = asyncio.timeout(job.task_seconds)
    with _watching(monitor) as peak:
        try:
            async with limit:
                ending = await job.work(run)
        except TimeoutError:
            if not limit.expired():
                raise
            raise _Hung(
                f"it was ended at its deadline of {job.task_seconds:.0f} s; what it had stored is kept"
            ) from None
    return _Done(ending, peak())


@contextmanager
def _watching(monitor: MemoryMonitor) -> Iterator[Callable[[], int | None]]:
    """The most memory that was used while this is entered, in bytes."""
    seen: list[int] = []

    def look(reading: Reading) -> None:
        if reading.used_bytes is not None:
            seen[:] = [max((reading.used_bytes, *seen))]

    look(monitor.check_memory())
    stop = monitor.on_look(look)
    try:
        yield lambda: seen[0] if seen else None
    finally:
        stop()


def in_words(error: BaseException) -> str:
    """An error, the innermost of a group, as a reason is told."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return str(error) if isinstance(error, _Hung) else f"{type(error).__name__}: {error}"
