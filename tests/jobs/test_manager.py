"""Running a job, or saying why not."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from jobs import Ending, Job, JobManager, Run, Status
from memory import Bound, MemoryGuard, MemoryMonitor, MemorySource, Reading
from scraper.store import runs
from scraper.store.database import Database

MIB = 1 << 20


class Box(MemorySource):
    """A machine with 512 MiB, of which `used_mb` are taken."""

    used_mb = 100

    def read(self) -> Reading:
        return Reading(
            super().read().at_seconds, (Bound("cgroup v2", "/box", 512 * MIB, self.used_mb * MIB),), None, 0
        )


@pytest.fixture
def box() -> Box:
    return Box()


@pytest.fixture
def manager(database: Database, box: Box) -> JobManager:
    return JobManager(database, MemoryGuard(MemoryMonitor(box)), wait_seconds=0)


async def fine(_: Run) -> Ending:
    return Ending(Status.SUCCESS)


async def rows(database: Database) -> list[dict[str, Any]]:
    found = await database.pool.fetch("select job, status, reason, finished_at from job_runs order by id")
    return [dict(row) for row in found]


async def test_a_run_is_a_row_with_its_end(manager: JobManager, database: Database) -> None:
    report = await manager.run(Job("tidy", 50, 10, fine))
    assert report.status is Status.SUCCESS
    [row] = await rows(database)
    assert (row["job"], row["status"]) == ("tidy", "success")
    assert row["finished_at"] is not None


async def test_a_job_without_memory_is_skipped_with_the_arithmetic(
    manager: JobManager, database: Database, box: Box
) -> None:
    box.used_mb = 460
    report = await manager.run(Job("tidy", 50, 10, fine))
    assert report.status is Status.SKIPPED
    [row] = await rows(database)
    assert row["status"] == "skipped"
    assert "50 MiB needed, but 512 MiB limit - 460 MiB used - 0 MiB promised - 51 MiB margin = 1 MiB" in row["reason"]


async def test_a_critical_job_without_memory_runs_in_its_smallest_form(manager: JobManager, box: Box) -> None:
    box.used_mb = 460
    told: list[bool] = []

    async def work(run: Run) -> Ending:
        told.append(run.is_small)
        return Ending(Status.SUCCESS)

    report = await manager.run(Job("vital", 50, 10, work, is_critical=True))
    assert (report.status, told) == (Status.SUCCESS, [True])


async def test_a_job_runs_once_at_a_time(manager: JobManager, database: Database) -> None:
    goes_on = asyncio.Event()
    began = asyncio.Event()

    async def work(_: Run) -> Ending:
        began.set()
        await goes_on.wait()
        return Ending(Status.SUCCESS)

    first = asyncio.create_task(manager.run(Job("slow", 50, 10, work)))
    await began.wait()
    second = await manager.run(Job("slow", 50, 10, work))
    goes_on.set()
    assert (second.status, second.reason) == (Status.SKIPPED, "it is running already")
    assert (await first).status is Status.SUCCESS
    assert [row["status"] for row in await rows(database)] == ["success", "skipped"]


async def test_a_run_whose_process_died_is_closed_by_the_next(manager: JobManager, database: Database) -> None:
    await runs.start(database, "tidy")
    await manager.run(Job("tidy", 50, 10, fine))
    dead, alive = await rows(database)
    assert (dead["status"], dead["reason"]) == ("failed", "its process ended without a word")
    assert alive["status"] == "success"


async def test_a_run_that_fails_says_what_happened_and_the_next_one_runs(
    manager: JobManager, database: Database
) -> None:
    async def work(_: Run) -> Ending:
        async with asyncio.TaskGroup() as group:
            group.create_task(_raise(ZeroDivisionError("no rows")))
        raise AssertionError

    report = await manager.run(Job("tidy", 50, 10, work))
    assert (report.status, report.reason) == (Status.FAILED, "ZeroDivisionError: no rows")
    assert (await manager.run(Job("tidy", 50, 10, fine))).status is Status.SUCCESS
    assert [row["status"] for row in await rows(database)] == ["failed", "success"]


async def test_a_run_ends_at_its_deadline(manager: JobManager) -> None:
    async def work(_: Run) -> Ending:
        await asyncio.Event().wait()
        raise AssertionError

    report = await manager.run(Job("endless", 50, 0.05, work))
    assert report.status is Status.PARTIAL
    assert "deadline" in (report.reason or "")


async def test_a_run_that_is_cancelled_is_closed(manager: JobManager, database: Database) -> None:
    began = asyncio.Event()

    async def work(_: Run) -> Ending:
        began.set()
        await asyncio.Event().wait()
        raise AssertionError

    task = asyncio.create_task(manager.run(Job("tidy", 50, 10, work)))
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    [row] = await rows(database)
    assert (row["status"], row["reason"]) == ("failed", "it was cancelled")


async def _raise(error: Exception) -> None:
    raise error
