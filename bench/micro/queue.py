"""What the queue does: jobs into pgqueuer, one by one and in batches, and jobs out of it by 1, 2 and 4 consumers.

A consumer is a process of its own with a pool of its own, as on another machine; here all of them share the cores
with Postgres. Jobs do nothing, so that what is left is the engine. What was done is counted from the database.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
from pgqueuer import AsyncpgDriver, Queries

from bench.micro.consumer import ENTRYPOINT
from bench.micro.figures import Figure, NotMeasurable, rate
from bench.micro.server import scratch_server

CONSUMER = Path(__file__).with_name("consumer.py")
ONE_BY_ONE = 500
JOBS = 1500
ROUNDS = 3
A_BATCH = 100
CONSUMERS = (1, 2, 4)
CONNECT_SECONDS = 10.0
COMMAND_SECONDS = 60.0
START_SECONDS = 60.0
DRAIN_SECONDS = 150.0


@dataclass(frozen=True, slots=True)
class Drained:
    """How a queue was emptied: jobs that were in it, done by each consumer, and what the database has of them.

    `finished` are jobs with an ending "successful", `endings` is how many such endings there are, `left` are jobs
    still in the queue. `seconds` run from the first job that was taken to the last ending, by the database's clock.
    """

    jobs: int
    by_consumer: tuple[int, ...]
    finished: int
    endings: int
    left: int
    seconds: float


async def measure() -> list[Figure]:
    """All figures of this room. Raises `DatabaseUnavailable` where no Postgres can be had."""
    async with scratch_server() as server:
        await install(server.dsn)
        one_by_one = [await enqueue(server.dsn, ONE_BY_ONE) for _ in range(ROUNDS)]
        in_batches = [await enqueue(server.dsn, JOBS, at_a_time=A_BATCH) for _ in range(ROUNDS)]
        done: dict[int, list[float]] = {consumers: [] for consumers in CONSUMERS}
        for _, consumers in itertools.product(range(ROUNDS), CONSUMERS):
            done[consumers].append(_per_second(await drain(server.dsn, consumers=consumers, jobs=JOBS)))
    note = "processes of their own; jobs that do nothing"
    return [
        rate("queue.enqueued_one_by_one", "jobs enqueued, one by one", one_by_one),
        rate("queue.enqueued_in_batches", f"jobs enqueued, {A_BATCH} at a time", in_batches),
        *(
            rate(f"queue.done_by_{consumers}", f"jobs done, consumers: {consumers}", per_second, note=note)
            for consumers, per_second in done.items()
        ),
    ]


async def install(dsn: str) -> None:
    """Make the tables of the queue."""
    async with _connected(dsn) as connection:
        await Queries(AsyncpgDriver(connection)).install()


async def enqueue(dsn: str, jobs: int, *, at_a_time: int = 1) -> float:
    """Empty the queue, then put so many jobs into it. Returns jobs a second."""
    async with _connected(dsn) as connection:
        queries = Queries(AsyncpgDriver(connection))
        await connection.execute("truncate pgqueuer, pgqueuer_log, pgqueuer_statistics")
        started = time.perf_counter()
        for first in range(0, jobs, at_a_time):
            size = min(at_a_time, jobs - first)
            await queries.enqueue([ENTRYPOINT] * size, [b"{}"] * size, [0] * size)
        return jobs / (time.perf_counter() - started)


async def drain(dsn: str, *, consumers: int, jobs: int) -> Drained:
    """Put so many jobs into the queue and have so many consumers do them, all let go at once."""
    await enqueue(dsn, jobs, at_a_time=A_BATCH)
    async with contextlib.AsyncExitStack() as stack:
        processes = [await stack.enter_async_context(_consumer(dsn)) for _ in range(consumers)]
        for process in processes:
            await _said(process, START_SECONDS)
        said = await asyncio.gather(*(_go(process) for process in processes))
    async with _connected(dsn) as connection:
        counted = await connection.fetchrow(
            "select count(distinct job_id) filter (where status = 'successful') as finished,"
            " count(*) filter (where status = 'successful') as endings,"
            " extract(epoch from max(created) filter (where status = 'successful')"
            " - min(created) filter (where status = 'picked'))::float8 as seconds,"
            " (select count(*) from pgqueuer) as waiting from pgqueuer_log"
        )
    if counted is None or counted["seconds"] is None:
        raise NotMeasurable("no job was done")
    return Drained(
        jobs, tuple(map(int, said)), counted["finished"], counted["endings"], counted["waiting"], counted["seconds"]
    )


def _per_second(drained: Drained) -> float:
    if not drained.finished == drained.endings == drained.jobs:
        raise NotMeasurable(f"not every job was done once: {drained}")
    return drained.jobs / drained.seconds


@contextlib.asynccontextmanager
async def _connected(dsn: str) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    connection = await asyncpg.connect(dsn, timeout=CONNECT_SECONDS, command_timeout=COMMAND_SECONDS)
    try:
        yield connection
    finally:
        await connection.close(timeout=CONNECT_SECONDS)


@contextlib.asynccontextmanager
async def _consumer(dsn: str) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(sys.executable, "-P", CONSUMER, dsn, stdin=PIPE, stdout=PIPE)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        async with asyncio.timeout(CONNECT_SECONDS):
            await process.wait()


async def _go(process: Process) -> str:
    if process.stdin is None:
        raise RuntimeError("a consumer was started without stdin")
    process.stdin.write(b"go\n")
    async with asyncio.timeout(CONNECT_SECONDS):
        await process.stdin.drain()
    said = await _said(process, DRAIN_SECONDS)
    async with asyncio.timeout(CONNECT_SECONDS):
        await process.wait()
    return said


async def _said(process: Process, seconds: float) -> str:
    """Its next line. Raises `NotMeasurable` if it ended without one."""
    if process.stdout is None:
        raise RuntimeError("a consumer was started without stdout")
    async with asyncio.timeout(seconds):
        line = (await process.stdout.readline()).decode().strip()
    if not line:
        raise NotMeasurable("a consumer of the queue ended without a word; what it wrote to stderr says why")
    return line
