"""JobManager: begins runs, splits them into tasks, and closes what is over, or says why not.

Runs and tasks both wear `memory_safe`: where memory is short the ladder is climbed, and what is still short then is
put off with a row that holds the arithmetic, unless the job is critical, or was put off too often: that runs in its
smallest form. All state is in the database, so that any worker goes on where another died.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import structlog

from jobs.closing import ending_of, pages_in_words
from jobs.drift_watch import drift_reasons
from jobs.job import Ending, Job, JobReport, MoreLater, Overlap, PutOff, Run, Status
from jobs.queue import Handlers, Queue
from jobs.task_runner import AGAIN, WAIT_SECONDS, TaskRunner, admitted, in_words
from memory import MemoryGuard, SkippedForMemory
from scraper.outcome import Outcome
from scraper.store import runs, schedules, tasks, yields
from scraper.store.database import Database
from scraper.store.patience import is_database_trouble
from scraper.store.tasks import NewTask

log = structlog.get_logger()

PLAN_ON: Final = timedelta(seconds=1)
"""After so long a plan goes on that was as far ahead of its tasks as it may be. Meanwhile it takes up no room."""
MOST_SKIPS: Final = 3
"""A job that was skipped so often in a row, for lack of memory, must run."""


class JobManager:
    """Does the work of one worker, which is called `worker`. `tell` hears of each page that is done here."""

    def __init__(
        self,
        database: Database,
        guard: MemoryGuard,
        queue: Queue,
        jobs: Sequence[Job],
        *,
        worker: str,
        wait_seconds: float = WAIT_SECONDS,
        tell: Callable[[Outcome], None] = lambda _: None,
    ) -> None:
        self.jobs: Mapping[str, Job] = {job.name: job for job in jobs}
        self.stopping = asyncio.Event()
        self._database = database
        self._guard = guard
        self._queue = queue
        self._worker = worker
        self._wait_seconds = wait_seconds
        self._tell = tell
        self.tasks = TaskRunner(
            database,
            guard,
            self.jobs,
            worker=worker,
            close=self.close,
            wait_seconds=wait_seconds,
            tell=tell,
            stopping=self.stopping,
        )

    @property
    def handlers(self) -> Handlers:
        """For the queue."""
        return Handlers(run=self._begin_as_asked, task=lambda payload: self.tasks.perform(int(payload)))

    async def ask(self, job: str) -> UUID:
        """Wish for a run now. Returns the ticket that its report is had for."""
        ticket = uuid4()
        async with self._database.connection() as connection, connection.transaction():
            await self._queue.ask_for_run(connection, job, ticket)
        return ticket

    async def report(self, ticket: UUID) -> JobReport | None:
        """What came of a wish; None while it is not over."""
        row = await runs.report(self._database, ticket)
        if row is None:
            return None
        is_skipped = row["status"] == Status.SKIPPED
        return JobReport(
            row["job"],
            None if is_skipped else row["id"],
            Status(row["status"]),
            row["reason"],
            row["pages"],
            row["rows_written"],
            row["seconds"],
            row["peak_bytes"],
            None if is_skipped else await runs.outcomes(self._database, row["id"]),
        )

    async def _begin_as_asked(self, payload: str) -> timedelta | None:
        name, _, ticket = payload.partition(" ")
        return await self.begin(name, UUID(ticket))

    async def begin(self, name: str, ticket: UUID) -> timedelta | None:
        """Begin the run that a ticket asks for, once. Returns after how long to try again, None if it is settled."""
        job = self.jobs.get(name)
        if job is None:
            log.warning("job.unknown_here", job=name, known=sorted(self.jobs))
            return AGAIN
        if self.stopping.is_set():
            return timedelta(0)
        known = await runs.of_ticket(self._database, ticket)
        if known is None:
            return await self._begin(job, ticket)
        # A run that is neither over nor planned has lost whoever was planning it.
        return None if known.is_over or known.is_planned else await self._plan(job, known)

    async def _begin(self, job: Job, ticket: UUID) -> timedelta | None:
        """Begin a run that no row tells of yet: the look at what is still going, and the memory check."""
        if (open_run := await runs.open_run(self._database, job.name)) is not None:
            return await self._overlap(job, ticket, open_run)
        skips = await schedules.skips(self._database, job.name)
        try:
            async with admitted(
                self._guard,
                f"job {job.name}",
                job.need_mb,
                is_critical=job.is_critical or skips >= MOST_SKIPS,
                wait_seconds=self._wait_seconds,
            ) as is_small:
                begun = await runs.start(
                    self._database,
                    job.name,
                    ticket,
                    worker=self._worker,
                    deadline_seconds=job.deadline_seconds,
                    is_small=is_small,
                )
        except SkippedForMemory as skipped:
            await schedules.note_skip(self._database, job.name, was_skipped=True)
            await self._skip(job, ticket, f"not enough memory: {skipped.admission.reason}")
            return None
        if begun is None:
            # Another one has begun it just now; the next look tells what.
            return timedelta(seconds=0.1)
        await schedules.note_skip(self._database, job.name, was_skipped=False)
        log.info("job.started", job=job.name, run=begun.number, small=begun.is_small)
        return await self._plan(job, begun)

    async def _overlap(self, job: Job, ticket: UUID, other: runs.OpenRun) -> timedelta | None:
        if job.overlap is Overlap.WAIT:
            return AGAIN
        await self._skip(job, ticket, still_going(other))
        return None

    async def _skip(self, job: Job, ticket: UUID, reason: str) -> None:
        log.warning("job.skipped", job=job.name, reason=reason)
        await runs.skip(self._database, job.name, ticket, reason, worker=self._worker)

    async def _plan(self, job: Job, begun: runs.KnownRun) -> timedelta | None:
        """Split a run into tasks, not too far ahead of those who do them. Returns as `begin` does.

        A worker that stops leaves the rest of it to another.
        """
        reason, number = None, begun.number
        try:
            async with asyncio.timeout(begun.left_seconds):
                if job.plan is None:
                    await self._add_only_task(job, number)
                else:
                    async for new in job.plan(Run(number, begun.is_small, self._tell, began=begun.began)):
                        await self._add(job, number, new)
                        if self.stopping.is_set():
                            return timedelta(0)
                        if await runs.open_tasks(self._database, number) >= job.tasks_ahead:
                            return PLAN_ON
        except MoreLater:
            return PLAN_ON
        except PutOff as put_off:
            reason = put_off.reason
        except TimeoutError:
            reason = tasks.UNPLANNED
        except Exception as error:
            if is_database_trouble(error):
                raise
            log.exception("job.not_planned", job=job.name, run=number)
            reason = f"it could not be planned to its end: {in_words(error)}"
        await runs.planned(self._database, number, reason)
        await self.close(number)
        return None

    async def _add(self, job: Job, number: int, new: Sequence[NewTask]) -> None:
        async with self._database.connection() as connection, connection.transaction():
            await self._add_in(connection, job, number, new)

    async def _add_in(self, connection: Any, job: Job, number: int, new: Sequence[NewTask]) -> None:
        numbers = await tasks.add(connection, number, job.name, new)
        await self._queue.add_tasks(connection, numbers, job.priority)

    async def _add_only_task(self, job: Job, number: int) -> None:
        async with self._database.connection() as connection, connection.transaction():
            if await runs.lock_without_tasks(connection, number):
                await self._add_in(connection, job, number, [NewTask()])

    async def close(self, run: int) -> None:
        """Close a run if all of it is over: how it ended, and what it read less than before."""
        if run not in await runs.unclosed(self._database):
            return
        async with self._database.connection() as connection:
            read = await runs.yields(connection, run)
        drifts = await drift_reasons(self._database, read)
        async with self._database.connection() as connection, connection.transaction():
            over = await runs.lock_if_over(connection, run)
            if over is None:
                # Another worker has closed it meanwhile.
                return
            job, reason = over
            unread, are_most = pages_in_words(await runs.outcomes_in(connection, run))
            ending = ending_of(await runs.endings(connection, run), reason, *drifts, *([unread] if are_most else []))
            if unread is not None and not are_most:
                # Most of it was read: that is told, and is no failure of the run.
                ending = Ending(ending.status, "; ".join(filter(None, (ending.reason, unread))))
            await yields.add(connection, read)
            counted = await runs.finish(connection, run, status=ending.status.value, reason=ending.reason)
        log.info(
            "job.finished",
            job=job,
            run=run,
            status=ending.status.value,
            pages=counted.pages,
            rows=counted.rows_written,
            reason=ending.reason,
        )

    async def sweep(self) -> None:
        """See to what dead workers left: what is overdue, what nobody closed, what the queue has lost."""
        for run in sorted({*await tasks.drop_overdue(self._database), *await runs.unclosed(self._database)}):
            await self.close(run)
        await self._queue.age({job.name: job.priority for job in self.jobs.values()})
        restored = await self._queue.restore()
        if restored:
            log.warning("queue.restored", entries=restored)


def still_going(run: runs.OpenRun) -> str:
    """Why another run does not begin."""
    left = f"{run.open_tasks} of {run.tasks} tasks are open" if run.tasks else "it is being planned"
    return f"run {run.number}, begun at {run.since:%Y-%m-%d %H:%M:%S} UTC, is still going: {left}"
