"""A consumer of the queue, in a process of its own, as on a machine of its own. It imports nothing of ours.

It says "ready", waits for a line on stdin, does jobs until there are none left, and says how many it did.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta

import asyncpg
from pgqueuer import AsyncpgPoolDriver, DatabaseRetryEntrypointExecutor, Job, Queries, QueueManager
from pgqueuer.types import QueueExecutionMode

ENTRYPOINT = "bench"
BATCH_SIZE = 10
TASKS = 2 * BATCH_SIZE
CONNECTIONS = 3
"""One of them listens."""
COMMAND_SECONDS = 30.0
CONNECT_SECONDS = 10.0
DEQUEUE = timedelta(seconds=5)
HEARTBEAT = timedelta(seconds=30)
MOST_SECONDS = 120.0


async def drain(dsn: str) -> int:
    """Do every job that is in the queue. Returns how many were done here."""
    async with asyncpg.create_pool(
        dsn, min_size=CONNECTIONS, max_size=CONNECTIONS, timeout=CONNECT_SECONDS, command_timeout=COMMAND_SECONDS
    ) as pool:
        manager = QueueManager(Queries(AsyncpgPoolDriver(pool)))
        done = 0

        @manager.entrypoint(ENTRYPOINT, executor_factory=DatabaseRetryEntrypointExecutor, on_failure="hold")
        async def _(_job: Job) -> None:
            nonlocal done
            done += 1

        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        async with asyncio.timeout(MOST_SECONDS):
            await manager.run(
                dequeue_timeout=DEQUEUE,
                batch_size=BATCH_SIZE,
                mode=QueueExecutionMode.drain,
                max_concurrent_tasks=TASKS,
                heartbeat_timeout=HEARTBEAT,
            )
    return done


if __name__ == "__main__":
    print(asyncio.run(drain(sys.argv[1])), flush=True)
