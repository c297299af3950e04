"""MemoryMonitor over readings that the test sets."""

from __future__ import annotations

import asyncio
import os

import psutil
from structlog.testing import capture_logs

from memory import (
    Bound,
    Level,
    LevelPolicy,
    MemoryMonitor,
    MemorySource,
    Patience,
    Reading,
    Rung,
    Step,
    WatchPolicy,
)

MIB = 1 << 20
QUICK = WatchPolicy(look_every_seconds=0.001, tree_every_seconds=60, patience=Patience(3600, 3600))


class Dial(MemorySource):
    """A source whose reading the test turns. Time passes only when the test says so."""

    def __init__(self, used_mb: int = 100) -> None:
        super().__init__()
        self.used_mb = used_mb
        self.seconds = 0.0
        self.oom_kills: int | None = 0
        self.limit_mb = 1000
        self.needed_mb = 0
        self.moves = 0

    def rediscover(self) -> bool:
        self.moves -= 1
        return self.moves >= 0

    def read(self) -> Reading:
        needed = self.needed_mb * MIB
        bound = Bound("cgroup v2", "/box", self.limit_mb * MIB, self.used_mb * MIB, 100 * MIB, needed)
        return Reading(self.seconds, (bound,), None, self.oom_kills)


def step(dial: Dial, to_mb: int, done: list[str]) -> Step:
    async def relieve() -> str:
        done.append(f"{dial.used_mb} to {to_mb}")
        dial.used_mb = to_mb
        return "lowered"

    return Step("lower it", Rung.CACHES, relieve)


async def next_looks(monitor: MemoryMonitor, count: int = 5) -> None:
    """Wait until the monitor has looked so often."""
    left, seen = count, asyncio.Event()

    def note(_reading: Reading) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            seen.set()

    forget = monitor.on_look(note)
    async with asyncio.timeout(10):
        await seen.wait()
    forget()


def test_each_look_reads_anew_and_says_the_level() -> None:
    dial = Dial()
    monitor = MemoryMonitor(dial)
    assert monitor.check_memory().level is Level.NORMAL
    dial.used_mb = 950
    reading = monitor.check_memory()
    assert (reading.level, reading.used_bytes) == (Level.EMERGENCY, 950 * MIB)


def test_the_level_falls_only_after_the_policys_time() -> None:
    dial = Dial(950)
    monitor = MemoryMonitor(dial, levels=LevelPolicy(calm_seconds=10))
    monitor.check_memory()
    dial.used_mb = 100
    levels = []
    for dial.seconds in (1.0, 10.9, 11.0):
        levels.append(monitor.check_memory().level)
    assert levels == [Level.EMERGENCY, Level.EMERGENCY, Level.NORMAL]


def test_the_peak_is_the_most_that_was_ever_seen() -> None:
    dial = Dial(100)
    monitor = MemoryMonitor(dial)
    for dial.used_mb in (300, 700, 200):
        monitor.check_memory()
    assert monitor.peak_used_bytes == 700 * MIB


def test_kills_by_the_kernel_count_from_when_we_started() -> None:
    dial = Dial()
    dial.oom_kills = 4
    monitor = MemoryMonitor(dial)
    assert monitor.oom_kills() == 0
    dial.oom_kills = 6
    assert monitor.oom_kills() == 2
    dial.oom_kills = None
    assert monitor.oom_kills() is None


async def test_the_ladder_is_climbed_by_itself_when_the_level_rises() -> None:
    dial, done = Dial(100), list[str]()
    async with MemoryMonitor(dial, watch=QUICK) as monitor:
        monitor.ladder.register(step(dial, 600, done))
        await next_looks(monitor)
        assert done == []
        dial.used_mb = 800
        await next_looks(monitor)
        assert done == ["800 to 600"]
        assert monitor.ladder.reports[-1].reason == "level elevated"
        assert monitor.ladder.reports[-1].is_calm


async def test_a_ladder_that_brought_no_calm_is_not_climbed_again_before_the_cooldown() -> None:
    dial, done = Dial(900), list[str]()
    async with MemoryMonitor(dial, watch=QUICK) as monitor:
        monitor.ladder.register(step(dial, 900, done))
        await next_looks(monitor, 20)
    assert done == ["900 to 900"]


async def test_after_the_cooldown_it_is_climbed_again() -> None:
    dial, done = Dial(900), list[str]()
    watch = WatchPolicy(look_every_seconds=0.001, tree_every_seconds=60, patience=Patience(0, 0))
    async with MemoryMonitor(dial, watch=watch) as monitor:
        monitor.ladder.register(step(dial, 900, done))
        await next_looks(monitor, 5)
    assert len(done) > 1


async def test_a_level_that_rises_does_not_wait_for_the_cooldown() -> None:
    dial, done = Dial(800), list[str]()
    async with MemoryMonitor(dial, watch=QUICK) as monitor:
        monitor.ladder.register(step(dial, 800, done))
        await next_looks(monitor, 5)
        assert done == ["800 to 800"]
        dial.used_mb = 900
        await next_looks(monitor, 5)
    assert done == ["800 to 800", "900 to 800"]


async def test_a_level_that_fell_and_rises_again_does_not_wait_for_the_cooldown() -> None:
    dial, done = Dial(800), list[str]()
    async with MemoryMonitor(dial, levels=LevelPolicy(calm_seconds=0), watch=QUICK) as monitor:
        monitor.ladder.register(step(dial, 800, done))
        for dial.used_mb in (800, 100, 800):
            await next_looks(monitor, 5)
    assert done == ["800 to 800", "800 to 800"]


async def test_a_level_that_only_waits_to_fall_starts_no_ladder() -> None:
    dial, done = Dial(800), list[str]()
    monitor = MemoryMonitor(dial, watch=QUICK)
    monitor.ladder.register(step(dial, 100, done))
    assert monitor.check_memory().level is Level.ELEVATED
    dial.used_mb = 100
    async with monitor:
        await next_looks(monitor)
        assert monitor.check_memory().level is Level.ELEVATED
    assert done == []


async def test_a_clean_up_that_is_asked_for_stops_at_calm() -> None:
    dial, done = Dial(900), list[str]()
    monitor = MemoryMonitor(dial)
    monitor.ladder.register(step(dial, 690, done))
    monitor.ladder.register(step(dial, 100, done))
    report = await monitor.emergency_cleanup("a job asked")
    assert done == ["900 to 690"]
    assert (report.reason, report.is_calm, report.freed_bytes) == ("a job asked", True, 210 * MIB)


async def test_a_kill_by_the_kernel_starts_the_gentle_steps_although_memory_looks_calm() -> None:
    dial, done = Dial(100), list[str]()
    async with MemoryMonitor(dial, watch=QUICK) as monitor:
        monitor.ladder.register(step(dial, 90, done))
        await next_looks(monitor)
        dial.oom_kills = 2
        await next_looks(monitor)
        assert monitor.check_memory().level is Level.EMERGENCY
    assert done == ["100 to 90"]
    assert monitor.ladder.reports[-1].reason == "the kernel has killed 2 for memory"


async def test_a_clean_up_takes_what_ends_work_only_in_an_emergency() -> None:
    for used_mb, taken in ((800, ["CLOSE_IDLE"]), (870, ["CLOSE_IDLE", "RECYCLE"])):
        monitor, done = MemoryMonitor(Dial(used_mb)), list[str]()
        for rung in (Rung.CLOSE_IDLE, Rung.RECYCLE, Rung.REQUEUE, Rung.RESTART):
            monitor.ladder.register(noted(rung, done))
        await monitor.emergency_cleanup()
        assert done == taken
    monitor, done = MemoryMonitor(Dial(950)), []
    monitor.ladder.register(noted(Rung.RESTART, done))
    await monitor.emergency_cleanup()
    assert done == ["RESTART"]


def noted(rung: Rung, done: list[str]) -> Step:
    async def relieve() -> str:
        done.append(rung.name)
        return "did nothing"

    return Step(rung.name, rung, relieve)


async def test_programs_that_are_read_again_are_said_once_and_not_at_each_look() -> None:
    dial = Dial(300)
    with capture_logs() as logs:
        async with MemoryMonitor(dial, watch=QUICK) as monitor:
            for needed_mb in (0, 60, 60, 90, 40):
                dial.needed_mb = needed_mb
                await next_looks(monitor)
    told = [entry["needed_files_bytes"] for entry in logs if entry["event"] == "memory.programs_read_again"]
    assert told == [60 * MIB]


async def test_a_limit_that_changes_while_running_is_said_and_gone_by_at_once() -> None:
    dial = Dial(300)
    with capture_logs() as logs:
        async with MemoryMonitor(dial, watch=QUICK) as monitor:
            await next_looks(monitor)
            dial.limit_mb = 320
            assert monitor.check_memory().level is Level.EMERGENCY
            await next_looks(monitor)
    changes = [entry for entry in logs if entry["event"] == "memory.limit_changed"]
    assert [(entry["before_bytes"], entry["limit_bytes"]) for entry in changes] == [(1000 * MIB, 320 * MIB)]


async def test_being_moved_to_another_cgroup_is_noticed_while_running() -> None:
    dial = Dial()
    dial.moves = 1
    watch = WatchPolicy(look_every_seconds=0.001, tree_every_seconds=0.001, tree_share=1.0)
    with capture_logs() as logs:
        async with MemoryMonitor(dial, watch=watch), asyncio.timeout(30):
            while dial.moves >= 0:  # noqa: ASYNC110 the source has no event to wait for
                await asyncio.sleep(0.001)
    assert [entry["event"] for entry in logs].count("memory.cgroup_changed") == 1


async def test_whoever_waits_for_memory_goes_on_as_soon_as_it_is_there_and_not_for_ever() -> None:
    dial = Dial(900)
    monitor = MemoryMonitor(dial, watch=QUICK)

    def is_met(reading: Reading) -> bool:
        return (reading.used_bytes or 0) < 500 * MIB

    assert not await monitor.wait_for(is_met, 0.003)
    waiting = asyncio.create_task(monitor.wait_for(is_met, 3600))
    await asyncio.sleep(0)
    dial.used_mb = 100
    async with asyncio.timeout(10):
        assert await waiting


def test_the_tree_is_measured_the_more_seldom_the_more_that_costs() -> None:
    watch = WatchPolicy(tree_every_seconds=2.0, tree_share=0.005)
    assert [watch.tree_pause_seconds(cost) for cost in (0.0, 0.01, 0.05)] == [2.0, 2.0, 10.0]


async def test_after_it_is_left_nobody_looks_any_more() -> None:
    before = asyncio.all_tasks()
    async with MemoryMonitor(Dial(), watch=QUICK) as monitor:
        await next_looks(monitor)
        ours = {task for task in asyncio.all_tasks() - before if task.get_name() in {"memory.look", "memory.tree"}}
        assert len(ours) == 2
    assert all(task.done() for task in ours)


async def test_it_can_be_left_while_a_step_of_the_ladder_hangs() -> None:
    dial = Dial(900)
    has_begun = asyncio.Event()

    async def hang() -> str:
        has_begun.set()
        await asyncio.Event().wait()
        return "never"

    async with asyncio.timeout(10):
        async with MemoryMonitor(dial, watch=QUICK) as monitor:
            monitor.ladder.register(Step("hangs", Rung.CACHES, hang, deadline_seconds=3600))
            await has_begun.wait()
    assert not monitor.ladder.is_running


async def test_the_tree_is_measured_in_the_background_and_knows_this_process() -> None:
    async with MemoryMonitor(Dial(), watch=QUICK) as monitor, asyncio.timeout(30):
        while not monitor.tree:
            await next_looks(monitor, 1)
        assert os.getpid() in {row.pid for row in monitor.tree}
        assert monitor.peak_tree


async def test_a_server_that_is_not_our_child_can_be_counted_as_ours() -> None:
    monitor = MemoryMonitor(Dial())
    parent = psutil.Process().ppid()
    assert parent not in {row.pid for row in await monitor.process_tree()}
    monitor.count_also(parent)
    assert parent in {row.pid for row in await monitor.process_tree()}


async def test_a_count_of_kills_that_can_not_be_read_for_a_moment_is_no_emergency() -> None:
    dial = Dial(100)
    dial.oom_kills = 7
    monitor = MemoryMonitor(dial)
    for dial.oom_kills in (None, 7):
        assert monitor.check_memory().level is Level.NORMAL
    assert monitor.oom_kills() == 0


async def test_watching_goes_on_whatever_a_look_or_a_listener_comes_to() -> None:
    class Unreadable(Dial):
        fails = 3

        def read(self) -> Reading:
            reading = super().read()
            if self.seconds and self.fails:
                self.fails -= 1
                raise OSError(24, "Too many open files")
            return reading

    def fail(_: Reading) -> None:
        raise RuntimeError("a listener's own fault")

    dial = Unreadable(100)
    with capture_logs() as logs:
        async with MemoryMonitor(dial, watch=QUICK) as monitor:
            monitor.on_look(fail)
            dial.seconds = 1.0
            await next_looks(monitor, 5)
    events = [entry["event"] for entry in logs]
    assert events.count("memory.watch_failed") == 3
    assert events.count("listener.failed") >= 4


async def test_while_the_ladder_runs_the_monitor_goes_on_looking() -> None:
    dial, go_on = Dial(900), asyncio.Event()

    async def slow() -> str:
        await go_on.wait()
        return "slow"

    async with MemoryMonitor(dial, watch=QUICK) as monitor:
        monitor.ladder.register(Step("slow", Rung.CACHES, slow))
        await next_looks(monitor, 10)
        assert monitor.ladder.is_running
        go_on.set()
        await next_looks(monitor, 3)


async def test_who_asks_for_a_clean_up_in_calm_gets_the_steps_that_end_no_work() -> None:
    monitor, done = MemoryMonitor(Dial(100)), list[str]()
    for rung in (Rung.CACHES, Rung.CLOSE_IDLE, Rung.RECYCLE):
        monitor.ladder.register(noted(rung, done))
    report = await monitor.emergency_cleanup("a person asked")
    assert done == ["CACHES", "CLOSE_IDLE"]
    assert [step.name for step in report.steps] == done
