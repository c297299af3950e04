"""memory_safe: check, reserve, run, release, record."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable

import pytest

from memory import (
    Bound,
    Ending,
    MemoryGuard,
    MemoryMonitor,
    MemorySource,
    Reading,
    Rung,
    SkippedForMemory,
    Step,
    WatchPolicy,
    current_guard,
    memory_safe,
)

MIB = 1 << 20


class Dial(MemorySource):
    """A source whose reading the test turns."""

    def __init__(self, used_mb: int) -> None:
        super().__init__()
        self.used_mb = used_mb

    def read(self) -> Reading:
        return Reading(0.0, (Bound("cgroup v2", "/box", 1000 * MIB, self.used_mb * MIB),), None, 0)


def guard_at(used_mb: int, lowers_to_mb: int | None = None) -> tuple[MemoryGuard, Dial]:
    """A guard at so much of 1,000 MiB, and a ladder with one step that lowers it, if any."""
    dial = Dial(used_mb)
    guard = MemoryGuard(MemoryMonitor(dial, watch=WatchPolicy(look_every_seconds=0.001)))

    async def relieve() -> str:
        dial.used_mb = lowers_to_mb if lowers_to_mb is not None else dial.used_mb
        return "tried"

    guard.register(Step("lower it", Rung.CACHES, relieve))
    return guard, dial


def endings(guard: MemoryGuard) -> list[tuple[str, Ending]]:
    return [(operation.name, operation.ending) for operation in guard.operations]


async def test_while_it_runs_its_memory_is_reserved_and_afterwards_given_back() -> None:
    guard, _ = guard_at(100)

    @memory_safe(need_mb=200, component="store", guard=guard)
    async def work(number: int) -> int:
        assert guard.budget.unused_bytes == 200 * MIB
        return number + 1

    assert await work(41) == 42
    assert guard.budget.unused_bytes == 0
    assert endings(guard) == [(f"{__name__}.{work.__qualname__}", Ending.DONE)]


async def test_what_does_not_fit_is_skipped_with_the_arithmetic_and_never_runs() -> None:
    guard, _ = guard_at(900)
    ran = False

    @memory_safe(need_mb=100, name="export", guard=guard)
    async def work() -> None:
        nonlocal ran
        ran = True

    with pytest.raises(SkippedForMemory, match="1,000 MiB limit - 900 MiB used") as skipped:
        await work()
    assert not ran
    assert (skipped.value.name, skipped.value.admission.need_bytes) == ("export", 100 * MIB)
    assert endings(guard) == [("export", Ending.SKIPPED)]
    assert guard.endings["other", Ending.SKIPPED] == 1
    assert guard.budget.statistics().reservations == 0


async def test_the_ladder_is_climbed_before_anything_is_skipped() -> None:
    guard, _ = guard_at(900, lowers_to_mb=400)
    async with memory_safe(need_mb=100, name="export", guard=guard) as permit:
        assert not permit.is_small
    assert [report.reason for report in guard.monitor.ladder.reports] == ["export needs 100 MiB"]


async def test_critical_work_cleans_up_and_runs_all_the_same_and_is_told_to_be_small() -> None:
    guard, _ = guard_at(950)
    async with memory_safe(need_mb=100, name="save", critical=True, guard=guard) as permit:
        assert permit.is_small
        assert guard.budget.unused_bytes == 100 * MIB
    assert guard.monitor.ladder.runs == 1
    assert endings(guard) == [("save", Ending.SMALL)]


async def test_critical_work_that_found_room_after_the_clean_up_runs_in_full() -> None:
    guard, _ = guard_at(950, lowers_to_mb=100)
    async with memory_safe(need_mb=100, critical=True, guard=guard) as permit:
        assert not permit.is_small


async def test_one_that_may_wait_begins_as_soon_as_there_is_room() -> None:
    guard, dial = guard_at(900)

    async def give_back() -> None:
        while guard.monitor.ladder.runs == 0:  # noqa: ASYNC110 the step before the wait has no event
            await asyncio.sleep(0)
        dial.used_mb = 100

    async with asyncio.TaskGroup() as group:
        group.create_task(give_back())
        async with memory_safe(need_mb=100, wait_seconds=30, guard=guard) as permit:
            assert not permit.is_small


async def test_an_error_goes_through_unchanged_and_gives_the_memory_back() -> None:
    guard, _ = guard_at(100)
    with pytest.raises(KeyError, match="mine"):
        async with memory_safe(need_mb=100, name="export", guard=guard):
            raise KeyError("mine")
    assert endings(guard) == [("export", Ending.FAILED)]
    assert guard.budget.unused_bytes == 0


async def test_one_that_is_cancelled_gives_the_memory_back() -> None:
    guard, _ = guard_at(100)
    inside = asyncio.Event()

    async def work() -> None:
        async with memory_safe(need_mb=100, guard=guard):
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await inside.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert guard.budget.unused_bytes == 0


async def test_a_component_can_not_take_more_than_its_budget_and_no_clean_up_is_run_for_that() -> None:
    guard, _ = guard_at(100)
    async with memory_safe(need_mb=200, component="store", guard=guard):
        with pytest.raises(SkippedForMemory, match="200 MiB of the 250 MiB that store may have are promised already"):
            async with memory_safe(need_mb=100, component="store", guard=guard):
                pass
        async with memory_safe(need_mb=100, component="jobs", guard=guard):
            assert guard.budget.unused_bytes == 300 * MIB
    assert guard.monitor.ladder.runs == 0


async def test_a_decorated_function_may_run_many_times_at_once() -> None:
    guard, _ = guard_at(100)

    @memory_safe(need_mb=50, guard=guard)
    async def work() -> int:
        await asyncio.sleep(0)
        return guard.budget.statistics().reservations

    assert await asyncio.gather(*(work() for _ in range(4))) == [4, 3, 2, 1]
    assert guard.budget.statistics().reservations == 0


def test_a_plain_function_can_wear_it_too() -> None:
    guard, dial = guard_at(100)

    @memory_safe(need_mb=50, guard=guard)
    def work() -> int:
        return guard.budget.unused_bytes

    assert work() == 50 * MIB
    dial.used_mb = 990
    with pytest.raises(SkippedForMemory):
        work()


def test_a_generator_is_refused_because_its_memory_would_be_given_back_before_it_has_run() -> None:
    with pytest.raises(TypeError, match="generator"):

        @memory_safe()
        def work() -> object:
            yield 1


@pytest.mark.parametrize("wrong", (-1, float("nan"), float("inf"), 1e308, 10**400, "50", len))
def test_a_need_that_is_no_amount_of_memory_is_an_error_where_it_is_written(wrong: float) -> None:
    with pytest.raises(ValueError, match="need_mb is a number of MiB"):
        memory_safe(wrong)


async def test_without_a_guard_of_its_own_it_goes_by_the_current_one() -> None:
    guard, _ = guard_at(900)
    async with guard:
        with pytest.raises(SkippedForMemory):
            async with memory_safe(need_mb=100):
                pass


async def test_listeners_hear_of_every_operation() -> None:
    guard, _ = guard_at(100)
    heard: list[Ending] = []
    forget = guard.on_operation(lambda operation: heard.append(operation.ending))
    async with memory_safe(need_mb=1, guard=guard):
        pass
    with pytest.raises(SkippedForMemory):
        async with memory_safe(need_mb=2000, guard=guard):
            pass
    forget()
    async with memory_safe(need_mb=1, guard=guard):
        pass
    assert heard == [Ending.DONE, Ending.SKIPPED]


async def test_one_object_may_be_entered_by_many_at_once_and_nothing_stays_reserved() -> None:
    guard, _ = guard_at(100)
    shared = memory_safe(need_mb=50, name="shared", guard=guard)

    async def work(depth: int) -> None:
        async with shared:
            await asyncio.sleep(0)
            if depth:
                await work(depth - 1)

    await asyncio.gather(*(work(1) for _ in range(5)))
    assert guard.budget.statistics().reservations == 0
    assert guard.endings["other", Ending.DONE] == 10


async def test_a_run_for_somebody_who_needed_less_is_followed_by_one_of_its_own() -> None:
    dial = Dial(850)
    guard = MemoryGuard(MemoryMonitor(dial))
    go_on = asyncio.Event()

    async def little() -> str:
        await go_on.wait()
        dial.used_mb = 750
        return "a little"

    async def much() -> str:
        dial.used_mb = 100
        return "much"

    guard.register(Step("little", Rung.CACHES, little))
    guard.register(Step("much", Rung.RECLAIM, much))

    async def work(need_mb: int) -> None:
        async with memory_safe(need_mb=need_mb, guard=guard):
            pass

    async with asyncio.TaskGroup() as group:
        group.create_task(work(100))
        await asyncio.sleep(0)
        group.create_task(work(400))
        await asyncio.sleep(0)
        go_on.set()
    assert [operation.ending for operation in guard.operations] == [Ending.DONE, Ending.DONE]


async def test_what_can_never_fit_is_refused_without_any_clean_up() -> None:
    guard, _ = guard_at(100)
    for _ in range(3):
        with pytest.raises(SkippedForMemory):
            async with memory_safe(need_mb=5000, guard=guard):
                pass
    assert guard.monitor.ladder.runs == 0


async def test_the_ladder_is_not_climbed_for_each_of_many_that_are_refused() -> None:
    guard, _ = guard_at(900)
    for _ in range(20):
        with pytest.raises(SkippedForMemory):
            async with memory_safe(need_mb=100, guard=guard):
                pass
    assert guard.monitor.ladder.runs == 1


class Callables:
    """Ways to write a function that are not `async def name()`."""

    @staticmethod
    @memory_safe(need_mb=1)
    async def static() -> int:
        return _reserved()

    async def __call__(self) -> int:
        return _reserved()


def _indirectly() -> Awaitable[int]:
    return Callables()()


def _reserved() -> int:
    return current_guard().budget.statistics().reservations


async def test_whatever_is_awaited_is_guarded_while_it_is() -> None:
    guard, _ = guard_at(100)
    async with guard:
        assert await Callables.static() == 1
        assert await memory_safe(need_mb=1)(Callables())() == 1
        assert await memory_safe(need_mb=1)(functools.partial(Callables()))() == 1
        with pytest.raises(TypeError, match="gave something to await"):
            _ = memory_safe(need_mb=1)(_indirectly)()
        assert _reserved() == 0
    with pytest.raises(TypeError, match="under @staticmethod"):
        memory_safe(need_mb=1)(staticmethod(len))


@pytest.mark.parametrize("wrong", (-1, float("nan"), float("inf"), "5", True))
def test_a_time_that_is_none_is_an_error_where_it_is_written(wrong: float) -> None:
    with pytest.raises(ValueError, match="wait_seconds is a number of seconds"):
        memory_safe(wait_seconds=wrong)
    with pytest.raises(ValueError, match="deadline_seconds is a number of seconds"):
        memory_safe(deadline_seconds=wrong)


async def test_a_cache_of_the_guard_is_emptied_by_the_ladder() -> None:
    guard, _ = guard_at(100)
    cache = guard.cache("weights", 1000)
    cache.put("a", b"x" * 100)
    await guard.monitor.emergency_cleanup("test")
    assert len(cache) == 0
    assert "weights" in [step.name for step in guard.monitor.ladder.reports[-1].steps]
