"""A worker: a queue, a manager and a scheduler in one process, that come to an end in order.

Draining: told to stop, it takes nothing more, lets what is at work come to the end of its page, and hands on what is
left. What is still at work when the drain's time is over is cancelled, and handed on as well.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from typing import Final, Self
from uuid import uuid4

import structlog

from jobs.job import Job, JobReport
from jobs.manager import JobManager
from jobs.queue import Queue
from jobs.scheduler import Scheduler
from jobs.task_runner import WAIT_SECONDS
from memory import MemoryGuard
from scraper.outcome import Outcome
from scraper.store.database import Database
from scraper.store.patience import patiently

log = structlog.get_logger()

LOOK_SECONDS: Final = 0.2


def worker_name() -> str:
    """Whoever this is, on all machines and for all time: a process id comes again after a crash."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:6]}"


class Worker:
    """Does the jobs of one database, `at_once` tasks at a time, while entered."""

    def __init__(
        self,
        database: Database,
        guard: MemoryGuard,
        jobs: Sequence[Job],
        *,
        at_once: int,
        drain_seconds: float = 25.0,
        wait_seconds: float = WAIT_SECONDS,
        tell: Callable[[Outcome], None] = lambda _: None,
    ) -> None:
        name = worker_name()
        self._queue = Queue(database)
        self.manager = JobManager(
            database, guard, self._queue, jobs, worker=name, wait_seconds=wait_seconds, tell=tell
        )
        self.scheduler = Scheduler(database, self._queue, self.manager, jobs, worker=name)
        self._at_once = at_once
        self._drain_seconds = drain_seconds
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self._queue)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def run(self, job: str) -> JobReport:
        """One run now, done here and wherever else there is a worker. Returns when it is over.

        A database that is gone is waited for, but not for ever: `PATIENCE_SECONDS`; then what it said is raised.
        """
        self.manager.stopping.clear()
        ticket = await self.manager.ask(job)
        working = asyncio.create_task(self._work(), name="worker.work")
        try:
            while (report := await patiently("a run goes on", lambda: self.manager.report(ticket))) is None:
                await asyncio.wait({working}, timeout=LOOK_SECONDS)
                if working.done():
                    await working
                    raise RuntimeError("the queue was left although nobody asked for it")
            return report
        finally:
            await self._drain(working)

    async def serve(self, stop: asyncio.Event, *, schedules: bool = True) -> None:
        """Work, and with `schedules` ask for runs when they are due, until `stop` is set; then drain."""
        async with asyncio.TaskGroup() as group:
            working = group.create_task(self._work(), name="worker.work")
            if schedules:
                group.create_task(self.scheduler.run(stop), name="worker.scheduler")
            try:
                await stop.wait()
                log.info("worker.draining", seconds=self._drain_seconds)
                await self._drain(working)
            except asyncio.CancelledError:
                # At once, then: what is at work is handed on as it is, so that nobody takes us for dead.
                self.manager.stopping.set()
                self.manager.tasks.abandon()
                raise

    async def _work(self) -> None:
        await self._queue.work(self.manager.handlers, at_once=self._at_once, stopping=self.manager.stopping)

    async def _drain(self, working: asyncio.Task[None]) -> None:
        self.manager.stopping.set()
        done, _ = await asyncio.wait({working}, timeout=self._drain_seconds)
        if not done:
            log.warning("worker.abandons", after_seconds=self._drain_seconds)
            self.manager.tasks.abandon()
            await asyncio.wait({working}, timeout=self._drain_seconds)
        if not working.done():
            working.cancel()
        await asyncio.wait({working})
