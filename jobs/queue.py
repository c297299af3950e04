"""The queue: wishes for runs, and tasks, handed to whichever worker is free. PgQueuer on the same Postgres.

It only delivers, at least once, and forgets what it has delivered. What there is to do, who is at it and what came of
it is in `job_runs` and `tasks`; what the queue has lost is put into it anew from there (`restore`). So whoever is
handed a number looks first whether there still is something to do.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Self
from uuid import UUID

import asyncpg
import structlog
from pgqueuer.adapters.persistence.queries import Queries
from pgqueuer.core.executors import DatabaseRetryEntrypointExecutor, EntrypointExecutorParameters
from pgqueuer.core.qm import QueueManager
from pgqueuer.domain.errors import FailingListenerError, RetryRequested
from pgqueuer.domain.models import Job as Delivery
from tenacity import wait_exponential_jitter

from jobs.job import Retry
from scraper.store.database import CONNECT_SECONDS, Database
from scraper.store.patience import is_database_trouble, patiently

log = structlog.get_logger()

RUN: Final = "tidegate.run"
TASK: Final = "tidegate.task"
POLL: Final = timedelta(seconds=5)
"""So often the queue is looked at although nobody said that there is something."""
HEARTBEAT: Final = timedelta(seconds=25)
"""A worker that was not heard of for so long is dead, and what it was at is handed to another. Longer than the event
loop ever stands still, and with `POLL` short enough that an orphan is taken up within 40 s."""
CONNECTIONS: Final = 3
COMMAND_SECONDS: Final = 30.0
CLOSE_SECONDS: Final = 5.0
LOCK_KEY: Final = 0x71DE6A7F
RUN_PRIORITY: Final = 1_000_000
"""Planning is short, and what it plans is for everybody: it goes before tasks."""

LOG_KEPT: Final = timedelta(hours=1)
LOG_ROWS_AT_ONCE: Final = 50_000
AGE_SECONDS: Final = 15.0
"""As with leases: who waits so long rises in priority by one."""

Handler = Callable[[str], Awaitable[timedelta | None]]
"""Does what a payload names. Returns None when that is over, else after how long it is to be tried again."""


@dataclass(frozen=True, slots=True)
class Handlers:
    """Who begins a run, given "job ticket", and who does a task, given its number."""

    run: Handler
    task: Handler


class Queue:
    """The queue of a database, while entered."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await patiently("the queue's tables are made", self._install)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def _install(self) -> None:
        """Make the queue's tables, or bring them up to date; one at a time does."""
        async with self._database.connection() as connection:
            await connection.execute("select pg_advisory_lock($1)", LOCK_KEY, timeout=COMMAND_SECONDS * 2)
            try:
                queries = Queries.from_asyncpg_connection(connection)
                if not await queries.schema_is_installed():
                    await queries.install()
                elif (await queries.plan_upgrade()).statements:
                    await queries.apply_upgrade()
            finally:
                await connection.execute("select pg_advisory_unlock($1)", LOCK_KEY)

    async def ask_for_run(self, connection: Any, job: str, ticket: UUID, *, key: str | None = None) -> bool:
        """Wish for a run, in the transaction of `connection`. False if there is a wish with this key already."""
        [number] = await Queries.from_asyncpg_connection(connection).enqueue(
            RUN,
            f"{job} {ticket}".encode(),
            RUN_PRIORITY,
            dedupe_key=key or f"run:{ticket}",
            on_conflict="skip",
        )
        return number is not None

    async def add_tasks(self, connection: Any, numbers: Sequence[int], priority: int) -> None:
        """Hand out tasks, in the transaction of `connection`."""
        if numbers:
            count = len(numbers)
            await Queries.from_asyncpg_connection(connection).enqueue(
                [TASK] * count,
                [str(number).encode() for number in numbers],
                [priority] * count,
                [None] * count,
                [f"task:{number}" for number in numbers],
                on_conflict="skip",
            )

    async def restore(self) -> int:
        """Put into the queue what is still to be done and is not in it. Returns how much that was.

        It gets lost with a worker that was cancelled, or with a backup that was restored.
        """
        async with self._database.connection() as connection, connection.transaction():
            queries = Queries.from_asyncpg_connection(connection)
            table = queries.qbe.settings.queue_table
            # The name of the table is the library's own setting, which holds it to identifiers.
            lost = await connection.fetch(
                "select t.id, t.job from tasks t where t.state = 'open' and t.not_before < clock_timestamp()"  # noqa: S608
                " - interval '1 minute' and t.added_at < clock_timestamp() - interval '1 minute'"
                f" and not exists (select from {table} q where q.dedupe_key = 'task:' || t.id)"
            )
            await self.add_tasks(connection, [row["id"] for row in lost], 0)
            listed = [job.id for job in await queries.list_failed_jobs() if job.entrypoint in {RUN, TASK}]
            # A key may be in the queue once: where it has been asked for again since, that one stands for both.
            failed = await connection.fetch(
                "select f.id, f.id <> max(f.id) over (partition by f.dedupe_key) or exists ("  # noqa: S608 as above
                f"select from {table} q where q.dedupe_key = f.dedupe_key and q.status in ('queued', 'picked'))"
                f" as is_replaced from {table} f where f.id = any($1::integer[])",
                listed,
            )
            again = [row["id"] for row in failed if not row["is_replaced"]]
            await connection.execute(
                f"delete from {table} where id = any($1::integer[])",  # noqa: S608 as above
                [row["id"] for row in failed if row["is_replaced"]],
            )
            if again:
                await queries.requeue_jobs(again)
            return len(lost) + len(again)

    async def age(self, priorities: Mapping[str, int]) -> None:
        """Let tasks rise by one for each `AGE_SECONDS` that they wait, from their job's priority.

        So nothing starves behind what is more important. What a worker is taking just now is passed over.
        """
        async with self._database.connection() as connection:
            table = Queries.from_asyncpg_connection(connection).qbe.settings.queue_table
            await connection.execute(
                f"update {table} q set priority = w.priority from ("  # noqa: S608 as above
                f"select q.id, p.priority + floor(extract(epoch from clock_timestamp() - t.added_at) / $3)::integer"
                f" as priority from {table} q join tasks t on q.dedupe_key = 'task:' || t.id"
                " join unnest($1::text[], $2::integer[]) as p(job, priority) on p.job = t.job"
                " where q.status = 'queued' for update of q skip locked"
                ") w where q.id = w.id and q.priority <> w.priority",
                *(list(priorities), list(priorities.values()), AGE_SECONDS),
            )

    async def forget_log(self) -> None:
        """Remove what the library has written down of what it delivered: it is in `tasks` and `job_runs`."""
        async with self._database.connection() as connection:
            table = Queries.from_asyncpg_connection(connection).qbe.settings.queue_table_log
            await connection.execute(
                f"delete from {table} where id in (select id from {table}"  # noqa: S608 as above
                " where created < clock_timestamp() - $1::interval limit $2)",
                *(LOG_KEPT, LOG_ROWS_AT_ONCE),
            )

    async def work(self, handlers: Handlers, *, at_once: int, stopping: asyncio.Event) -> None:
        """Do what is in the queue, so much at once, until `stopping` is set and what was begun is over.

        Whatever happens to the database, the queue is gone back to.
        """
        failures = 0
        retry = Retry(attempts=1 << 30, wait=wait_exponential_jitter(multiplier=0.5, max=10, jitter=1))
        while not stopping.is_set():
            try:
                await self._work_once(handlers, at_once, stopping)
                failures = 0
            except Exception as error:  # noqa: BLE001 it is logged, and the queue gone back to
                # PgQueuer ends with whatever its connection ended with, or says that it does not hear anything.
                failures += 1
                pause = retry.pause(failures) or timedelta(seconds=10)
                is_known = isinstance(error, OSError | FailingListenerError) or is_database_trouble(error)
                tell = log.warning if is_known else log.exception
                tell("queue.lost", error=f"{type(error).__name__}: {error}", again_in_seconds=pause.total_seconds())
                await _first_of(stopping, pause.total_seconds())

    async def _work_once(self, handlers: Handlers, at_once: int, stopping: asyncio.Event) -> None:
        async with self._connections() as pool:
            manager = QueueManager(Queries.from_asyncpg_pool(pool))
            for name, handler in ((RUN, handlers.run), (TASK, handlers.task)):
                manager.register_executor(name, _executor(handler))
            stopper = asyncio.create_task(_stop_with(stopping, manager.shutdown), name="queue.stopper")
            try:
                await manager.run(
                    dequeue_timeout=POLL,
                    batch_size=max(1, at_once // 2),
                    max_concurrent_tasks=max(2, at_once),
                    shutdown_on_listener_failure=True,
                    heartbeat_timeout=HEARTBEAT,
                )
            finally:
                stopper.cancel()

    @asynccontextmanager
    async def _connections(self) -> AsyncIterator[asyncpg.Pool[asyncpg.Record]]:
        """Connections of the queue's own, let go of within bounds: a server that hangs answers to no farewell."""
        pool = await asyncpg.create_pool(
            self._database.dsn,
            min_size=1,
            max_size=CONNECTIONS,
            timeout=CONNECT_SECONDS,
            command_timeout=COMMAND_SECONDS,
        )
        try:
            yield pool
        finally:
            try:
                await asyncpg.compat.wait_for(pool.close(), CLOSE_SECONDS)
            except TimeoutError:
                pool.terminate()


def _executor(handler: Handler) -> DatabaseRetryEntrypointExecutor:
    async def deliver(delivery: Delivery) -> None:
        try:
            pause = await handler((delivery.payload or b"").decode())
        except asyncio.CancelledError:
            # PgQueuer would take the entry out: it stays, for the next worker. Nothing awaits after this but its end.
            raise RetryRequested(delay=timedelta(0)) from None
        except Exception as error:
            tell = log.warning if is_database_trouble(error) else log.exception
            tell("queue.not_done", entry=delivery.entrypoint, error=f"{type(error).__name__}: {error}")
            raise
        if pause is not None:
            raise RetryRequested(delay=pause)

    # How often a task is tried is counted with the task: what fails here is the database.
    return DatabaseRetryEntrypointExecutor(
        EntrypointExecutorParameters(concurrency_limit=0, func=deliver, on_failure="hold"),
        max_attempts=1 << 30,
        max_delay=timedelta(seconds=30),
    )


async def _stop_with(stopping: asyncio.Event, shutdown: asyncio.Event) -> None:
    await stopping.wait()
    shutdown.set()


async def _first_of(stopping: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stopping.wait()
    except TimeoutError:
        return
