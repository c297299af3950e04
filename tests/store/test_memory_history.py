"""Memory history: what memory was like and what was done about it, in the database, over restarts."""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from memory import (
    Bound,
    MemoryGuard,
    MemoryMonitor,
    MemorySource,
    Reading,
    Rung,
    SkippedForMemory,
    Step,
    WatchPolicy,
    memory_safe,
)
from scraper.store.database import Database
from scraper.store.memory_history import MOST_PENDING, MemoryHistory, forget, overview

pytestmark = pytest.mark.database

MIB = 1 << 20
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
NEVER = 3600.0


class Dial(MemorySource):
    """A source whose reading the test turns."""

    def __init__(self, used_mb: int = 100) -> None:
        super().__init__()
        self.used_mb = used_mb

    def read(self) -> Reading:
        bound = Bound("cgroup v2", "/box", 1000 * MIB, self.used_mb * MIB)
        return Reading(0.0, (bound,), 0.125, 3)


def guard_on(dial: Dial) -> MemoryGuard:
    return MemoryGuard(MemoryMonitor(dial, watch=WatchPolicy(look_every_seconds=0.001)))


async def test_a_sample_holds_limit_used_promised_level_pressure_kills_roles_and_components(
    database: Database,
) -> None:
    guard = guard_on(Dial(800))
    guard.budget.debit(50 * MIB, owner="lease", component="browser")
    await guard.monitor.process_tree()
    async with MemoryHistory(database, guard, every_seconds=NEVER) as history:
        await history.write()
        [row] = (await overview(database, since=LONG_AGO)).processes
    assert row["process"].endswith(f":{os.getpid()}")
    assert (row["limit_bytes"], row["used_bytes"], row["bound_by"]) == (1000 * MIB, 800 * MIB, "cgroup v2 /box")
    assert (row["level"], row["promised_bytes"], row["unused_bytes"]) == ("elevated", 50 * MIB, 50 * MIB)
    assert (row["pressure"], row["oom_kills"]) == (0.125, 3)
    assert row["by_role"]["python"] > 0
    assert row["by_component"]["browser"]["promised"] == 50 * MIB
    assert row["by_component"]["browser"]["budget"] == 900 * MIB


async def test_a_sample_tells_the_fullest_moment_since_the_last_not_just_the_moment_of_writing(
    database: Database,
) -> None:
    dial = Dial(100)
    async with guard_on(dial) as guard, MemoryHistory(database, guard, every_seconds=NEVER) as history:
        await history.write()
        dial.used_mb = 940
        looked = asyncio.Event()
        forget_me = guard.monitor.on_look(lambda _: looked.set())
        await looked.wait()
        forget_me()
        dial.used_mb = 200
        await history.write()
        rows = await database.pool.fetch("select level, used_bytes, peak_used_bytes from memory_samples order by id")
    assert [(row["used_bytes"] // MIB, row["peak_used_bytes"] // MIB) for row in rows[:2]] == [(100, 100), (200, 940)]
    assert rows[1]["level"] == "emergency"


async def test_every_run_of_the_ladder_is_kept_step_by_step(database: Database) -> None:
    dial = Dial(900)

    async def relieve() -> str:
        dial.used_mb = 650
        return "cleared it"

    guard = guard_on(dial)
    guard.register(Step("clear it", Rung.CACHES, relieve))
    async with MemoryHistory(database, guard, every_seconds=NEVER):
        await guard.monitor.emergency_cleanup("somebody asked")
    seen = await overview(database, since=LONG_AGO)
    [run] = seen.ladder_runs
    assert (run["reason"], run["is_calm"], run["freed_bytes"]) == ("somebody asked", True, 250 * MIB)
    [step] = run["steps"]
    assert (step["name"], step["detail"], step["before"], step["after"], step["freed"]) == (
        "clear it",
        "cleared it",
        900 * MIB,
        650 * MIB,
        250 * MIB,
    )
    assert seen.ladder_sums is not None
    assert tuple(seen.ladder_sums) == (1, 1, 250 * MIB)


async def test_what_was_skipped_or_ran_small_is_kept_with_its_reason_and_what_ran_is_not(database: Database) -> None:
    guard = guard_on(Dial(990))
    async with MemoryHistory(database, guard, every_seconds=NEVER):
        for _ in range(2):
            with pytest.raises(SkippedForMemory):
                async with memory_safe(need_mb=100, component="jobs", name="job learn", guard=guard):
                    pass
        async with memory_safe(need_mb=100, component="jobs", name="job metrics", critical=True, guard=guard):
            pass
        async with memory_safe(need_mb=0, name="nothing", critical=True, guard=guard_on(Dial(1))):
            pass
    skips = (await overview(database, since=LONG_AGO)).skips
    assert [(row["name"], row["ending"], row["times"]) for row in skips] == [
        ("job learn", "skipped", 2),
        ("job metrics", "small", 1),
    ]
    assert "1,000 MiB limit - 990 MiB used" in skips[0]["last_reason"]


async def test_what_was_learned_of_costs_outlives_a_restart(database: Database) -> None:
    first = guard_on(Dial())
    async with MemoryHistory(database, first, every_seconds=NEVER):
        for _ in range(5):
            first.costs.learn("context demo/metrics", 77 * MIB)
    second = guard_on(Dial())
    async with MemoryHistory(database, second, every_seconds=NEVER):
        assert second.costs.expected_bytes("context demo/metrics", prior_bytes=1) == 77 * MIB


async def test_it_writes_by_itself_while_it_is_entered_and_its_task_ends_with_it(database: Database) -> None:
    before = asyncio.all_tasks()
    async with guard_on(Dial()) as guard:
        async with MemoryHistory(database, guard, every_seconds=0.01), asyncio.timeout(30):
            while await database.pool.fetchval("select count(*) from memory_samples") < 3:  # noqa: ASYNC110 a table
                await asyncio.sleep(0.01)
        assert not [task for task in asyncio.all_tasks() - before if task.get_name() == "memory.history"]


async def test_a_database_that_fails_costs_rows_and_not_the_program_and_later_rows_are_written_again(
    database: Database,
) -> None:
    guard = guard_on(Dial(990))
    async with MemoryHistory(database, guard, every_seconds=NEVER) as history:
        await database.pool.execute("alter table memory_skips rename to elsewhere")
        try:
            with pytest.raises(SkippedForMemory):
                async with memory_safe(need_mb=100, name="job learn", guard=guard):
                    pass
            with capture_logs() as logs:
                await history.write()
        finally:
            await database.pool.execute("alter table elsewhere rename to memory_skips")
        assert [entry["event"] for entry in logs] == ["memory.history_failed"]
        await history.write()
    assert [row["name"] for row in (await overview(database, since=LONG_AGO)).skips] == ["job learn"]


async def test_what_no_database_would_take_is_made_to_fit_and_holds_nothing_else_up(database: Database) -> None:
    guard = guard_on(Dial(990))
    names = ("nul \0 byte", "half \ud800 of a pair", "fine")
    async with MemoryHistory(database, guard, every_seconds=NEVER):
        for name in names:
            with memory_safe(need_mb=1e12, critical=True, name=name, guard=guard):
                pass
        guard.costs.learn("class \0", 5)
    skips = (await overview(database, since=LONG_AGO)).skips
    assert sorted(row["name"] for row in skips) == ["fine", "half ? of a pair", "nul ? byte"]
    assert await database.pool.fetchval("select max(need_bytes) from memory_skips") == 10**12 << 20
    assert await database.pool.fetchval("select count(*) from memory_costs") == 1


async def test_events_that_nobody_writes_are_bounded_and_how_many_were_let_go_is_said(database: Database) -> None:
    guard = guard_on(Dial(990))
    with capture_logs() as logs:
        async with MemoryHistory(database, guard, every_seconds=NEVER) as history:
            for _ in range(MOST_PENDING + 7):
                with memory_safe(need_mb=100, critical=True, name="small", guard=guard):
                    pass
            await history.write()
            await history.write()
    assert [entry["events"] for entry in logs if entry["event"] == "memory.history_lost"] == [7]
    assert await database.pool.fetchval("select count(*) from memory_skips") == MOST_PENDING


async def test_what_is_older_than_it_is_kept_is_forgotten(database: Database) -> None:
    guard = guard_on(Dial(990))
    async with MemoryHistory(database, guard, every_seconds=NEVER):
        await guard.monitor.emergency_cleanup("old")
        with pytest.raises(SkippedForMemory):
            async with memory_safe(need_mb=100, guard=guard):
                pass
    assert await forget(database, datetime.now(UTC) - timedelta(days=1)) == 0
    # One sample, the run that was asked for and the one before the skip, and the skip.
    assert await forget(database, datetime.now(UTC) + timedelta(days=1)) == 4
    seen = await overview(database, since=LONG_AGO)
    assert (seen.over_time, seen.processes, seen.ladder_runs, seen.skips) == ([], [], [], [])


async def test_a_long_time_is_shown_in_few_stretches_each_with_its_fullest_moment(database: Database) -> None:
    now = datetime.now(UTC)
    rows = [("h:1", now - timedelta(minutes=number), "normal", number) for number in range(600)]
    await database.pool.executemany(
        "insert into memory_samples (process, at, level, limit_bytes, used_bytes, peak_used_bytes, promised_bytes,"
        " unused_bytes) values ($1, $2, $3, 1000, 1, $4, 0, 0)",
        rows,
    )
    seen = (await overview(database, since=now - timedelta(hours=10))).over_time
    assert 59 <= len(seen) <= 61
    assert seen[0]["from_at"] < seen[-1]["from_at"]
    assert max(row["share"] for row in seen) == pytest.approx(0.599, abs=0.002)
