"""The ladder: gentlest step first, no further than needed, and what each step freed is what was measured."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from memory import Bound, CleanupReport, Ladder, Level, Patience, Reading, Rung, Step
from memory.cleanup import REACH

MIB = 1 << 20
Relieve = Callable[[], Awaitable[str]]


class Water:
    """Memory that the steps of a test lower. `calm_below` is what the ladder is climbed for."""

    def __init__(self, used_mb: int = 900, calm_below_mb: int = 500) -> None:
        self.used_mb = used_mb
        self.calm_below_mb = calm_below_mb
        self.taken: list[str] = []
        self.ladder = Ladder(self.read)

    def read(self) -> Reading:
        return Reading(0.0, (Bound("cgroup v2", "/box", 1000 * MIB, self.used_mb * MIB),), None, None)

    def is_calm(self, reading: Reading) -> bool:
        return (reading.used_bytes or 0) < self.calm_below_mb * MIB

    def step(self, name: str, rung: Rung, frees_mb: int = 0, *, deadline_seconds: float = 5.0) -> Callable[[], None]:
        async def relieve() -> str:
            self.taken.append(name)
            self.used_mb -= frees_mb
            return f"did {name}"

        return self.ladder.register(Step(name, rung, relieve, deadline_seconds))


async def test_steps_are_taken_gentlest_first_however_they_were_registered() -> None:
    water = Water()
    for rung in (Rung.RESTART, Rung.CACHES, Rung.RECYCLE, Rung.RECLAIM, Rung.REQUEUE, Rung.CLOSE_IDLE):
        water.step(rung.name, rung)
    await water.ladder.climb("test", water.is_calm)
    assert water.taken == ["CACHES", "RECLAIM", "CLOSE_IDLE", "RECYCLE", "REQUEUE", "RESTART"]


async def test_it_goes_no_further_than_needed() -> None:
    water = Water()
    water.step("caches", Rung.CACHES, 100)
    water.step("reclaim", Rung.RECLAIM, 400)
    water.step("restart", Rung.RESTART, 400)
    report = await water.ladder.climb("test", water.is_calm)
    assert water.taken == ["caches", "reclaim"]
    assert report.is_calm


async def test_where_it_is_calm_already_nothing_is_done() -> None:
    water = Water(used_mb=100)
    water.step("caches", Rung.CACHES, 50)
    report = await water.ladder.climb("test", water.is_calm)
    assert (water.taken, report.steps, report.is_calm, report.freed_bytes) == ([], (), True, 0)


async def test_the_report_says_what_each_step_did_and_what_it_freed() -> None:
    water = Water()
    water.step("caches", Rung.CACHES, 100)
    water.step("reclaim", Rung.RECLAIM, 0)
    report = await water.ladder.climb("memory is short", water.is_calm)
    rows = [(row.name, row.rung, row.detail, row.freed_bytes, row.failed) for row in report.steps]
    assert rows == [
        ("caches", Rung.CACHES, "did caches", 100 * MIB, False),
        ("reclaim", Rung.RECLAIM, "did reclaim", 0, False),
    ]
    assert (report.steps[0].before_bytes, report.steps[0].after_bytes) == (900 * MIB, 800 * MIB)
    assert (report.reason, report.is_calm, report.freed_bytes) == ("memory is short", False, 100 * MIB)
    assert list(water.ladder.reports) == [report]
    assert (water.ladder.runs, water.ladder.freed_bytes) == (1, 100 * MIB)


async def test_a_step_during_which_others_took_memory_freed_nothing_and_not_less() -> None:
    water = Water()
    water.step("caches", Rung.CACHES, -300)
    report = await water.ladder.climb("test", water.is_calm)
    assert report.steps[0].freed_bytes == 0
    assert report.freed_bytes == 0


async def test_a_step_that_fails_does_not_keep_the_next_from_being_tried() -> None:
    water = Water()

    async def fail() -> str:
        raise OSError("the cache is gone")

    water.ladder.register(Step("caches", Rung.CACHES, fail))
    water.step("reclaim", Rung.RECLAIM, 500)
    report = await water.ladder.climb("test", water.is_calm)
    assert [(row.name, row.failed) for row in report.steps] == [("caches", True), ("reclaim", False)]
    assert "the cache is gone" in report.steps[0].detail
    assert report.is_calm


async def test_a_step_that_hangs_is_given_up_at_its_deadline_and_the_next_is_tried() -> None:
    water = Water()
    was_cancelled = asyncio.Event()

    async def hang() -> str:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            was_cancelled.set()
            raise
        return "never"

    water.ladder.register(Step("caches", Rung.CACHES, hang, deadline_seconds=0.01))
    water.step("reclaim", Rung.RECLAIM, 500)
    report = await water.ladder.climb("test", water.is_calm)
    assert was_cancelled.is_set()
    assert [(row.name, row.failed) for row in report.steps] == [("caches", True), ("reclaim", False)]
    assert "not done after" in report.steps[0].detail


async def test_a_step_that_was_refused_in_time_is_not_said_to_have_been_slow() -> None:
    water = Water()

    async def refuse() -> str:
        raise TimeoutError("the browser did not answer")

    water.ladder.register(Step("reclaim", Rung.RECLAIM, refuse, deadline_seconds=60.0))
    report = await water.ladder.climb("test", water.is_calm)
    assert report.steps[0].detail == "failed: the browser did not answer"


async def test_all_who_ask_while_it_is_climbed_share_one_run_and_its_report() -> None:
    water = Water()
    go_on = asyncio.Event()

    async def slow() -> str:
        water.taken.append("slow")
        await go_on.wait()
        return "done"

    water.ladder.register(Step("slow", Rung.CACHES, slow))
    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(water.ladder.climb(f"asker {n}", water.is_calm)) for n in range(50)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert water.ladder.is_running
        go_on.set()
    assert water.taken == ["slow"]
    assert len({id(task.result()) for task in asked}) == 1
    assert water.ladder.runs == 1
    assert not water.ladder.is_running


async def test_the_run_goes_on_when_the_one_who_asked_is_cancelled() -> None:
    water = Water()
    has_begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow() -> str:
        has_begun.set()
        await go_on.wait()
        return "done"

    water.ladder.register(Step("slow", Rung.CACHES, slow))
    first = asyncio.create_task(water.ladder.climb("first", water.is_calm))
    await has_begun.wait()
    second = asyncio.create_task(water.ladder.climb("second", water.is_calm))
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    go_on.set()
    assert (await second).steps[0].detail == "done"


async def test_a_run_that_is_stopped_ends_and_the_ladder_can_be_climbed_again() -> None:
    water = Water()
    has_begun = asyncio.Event()

    async def hang() -> str:
        has_begun.set()
        await asyncio.Event().wait()
        return "never"

    remove = water.ladder.register(Step("hangs", Rung.CACHES, hang))
    climbing = asyncio.create_task(water.ladder.climb("test", water.is_calm))
    await has_begun.wait()
    await water.ladder.stop()
    report = await climbing
    assert (report.reason, report.steps, report.is_calm) == ("test: the run was stopped", (), False)
    assert not water.ladder.is_running
    remove()
    assert (await water.ladder.climb("again", water.is_calm)).steps == ()


async def test_a_step_that_was_taken_out_is_not_taken() -> None:
    water = Water()
    remove = water.step("caches", Rung.CACHES)
    water.step("reclaim", Rung.RECLAIM)
    remove()
    await water.ladder.climb("test", water.is_calm)
    assert water.taken == ["reclaim"]


async def test_only_the_last_reports_are_kept_and_all_are_counted() -> None:
    water = Water()
    for number in range(60):
        await water.ladder.climb(f"run {number}", water.is_calm)
    assert len(water.ladder.reports) == 50
    assert water.ladder.reports[-1].reason == "run 59"
    assert water.ladder.runs == 60


def test_a_ladder_that_could_not_help_is_left_alone_for_longer_and_longer() -> None:
    patience = Patience(first_seconds=3, most_seconds=20)
    pauses = [0.0]
    for _ in range(5):
        pauses.append(patience.after(pauses[-1], is_calm=False))
    assert pauses[1:] == [3, 6, 12, 20, 20]
    assert patience.after(20, is_calm=True) == 3


@pytest.mark.parametrize(
    ("level", "highest"),
    (
        (Level.NORMAL, Rung.CLOSE_IDLE),
        (Level.ELEVATED, Rung.CLOSE_IDLE),
        (Level.CRITICAL, Rung.RECYCLE),
        (Level.EMERGENCY, Rung.RESTART),
    ),
)
def test_what_ends_work_is_for_emergencies_only(level: Level, highest: Rung) -> None:
    assert REACH[level] is highest


async def test_it_goes_no_higher_than_the_reading_before_each_step_is_worth() -> None:
    water = Water(used_mb=950)
    for rung, frees_mb in ((Rung.CLOSE_IDLE, 0), (Rung.REQUEUE, 100), (Rung.RESTART, 100)):
        water.step(rung.name, rung, frees_mb)

    def reach(reading: Reading) -> Rung:
        return Rung.RESTART if (reading.used_bytes or 0) > 900 * MIB else Rung.CLOSE_IDLE

    report = await water.ladder.climb("test", water.is_calm, reach=reach)
    assert water.taken == ["CLOSE_IDLE", "REQUEUE"]
    assert not report.is_calm


async def test_some_steps_can_be_asked_for_even_in_calm() -> None:
    water = Water(used_mb=100)
    for rung in (Rung.CACHES, Rung.RECLAIM, Rung.CLOSE_IDLE):
        water.step(rung.name, rung, 10)
    await water.ladder.climb("a kill", water.is_calm, at_least=Rung.RECLAIM)
    assert water.taken == ["CACHES", "RECLAIM"]


async def test_listeners_hear_of_every_run_until_they_have_heard_enough() -> None:
    water, heard = Water(), list[CleanupReport]()
    forget = water.ladder.on_report(heard.append)
    report = await water.ladder.climb("first", water.is_calm)
    forget()
    await water.ladder.climb("second", water.is_calm)
    assert heard == [report]


async def test_a_step_that_cancels_itself_has_failed_and_cancels_nobody_else() -> None:
    water = Water()

    async def give_up() -> str:
        task = asyncio.create_task(asyncio.sleep(3600))
        task.cancel()
        await task
        return "never"

    water.ladder.register(Step("gives up", Rung.CACHES, give_up))
    water.step("reclaim", Rung.RECLAIM, 500)
    report = await water.ladder.climb("test", water.is_calm)
    assert [(step.detail, step.failed) for step in report.steps] == [
        ("it cancelled itself", True),
        ("did reclaim", False),
    ]


async def test_a_step_that_does_not_even_end_when_cancelled_is_left_behind_at_its_deadline() -> None:
    water, end = Water(), asyncio.Event()

    async def stubborn() -> str:
        while not end.is_set():
            try:
                await end.wait()
            except asyncio.CancelledError:
                continue
        return "at last"

    water.ladder.register(Step("stubborn", Rung.CACHES, stubborn, deadline_seconds=0.001))
    water.step("reclaim", Rung.RECLAIM, 500)
    async with asyncio.timeout(10):
        report = await water.ladder.climb("test", water.is_calm)
    assert [step.failed for step in report.steps] == [True, False]
    end.set()
    await water.ladder.stop()


async def test_a_step_that_asks_for_a_run_does_not_wait_for_itself() -> None:
    water, asked = Water(), list[CleanupReport]()

    async def asks() -> str:
        asked.append(await water.ladder.climb("inside", water.is_calm))
        return "asked"

    water.ladder.register(Step("asks", Rung.CACHES, asks))
    async with asyncio.timeout(10):
        report = await water.ladder.climb("test", water.is_calm)
    assert [step.detail for step in report.steps] == ["asked"]
    assert asked[0].reason == "inside: asked for by a step of a run"


async def test_a_step_that_is_taken_out_while_a_run_is_under_way_is_not_taken() -> None:
    water = Water()
    removes = list[Callable[[], None]]()

    async def take_the_next_out() -> str:
        removes[0]()
        removes[0]()
        return "took it out"

    water.ladder.register(Step("first", Rung.CACHES, take_the_next_out))
    removes.append(water.step("second", Rung.RECLAIM))
    await water.ladder.climb("test", water.is_calm)
    assert water.taken == []


async def test_what_a_step_freed_is_measured_at_one_bound_even_if_another_binds_afterwards() -> None:
    used = {"box": 900, "host": 100}

    def read() -> Reading:
        box = Bound("cgroup v2", "/box", 1000 * MIB, used["box"] * MIB)
        host = Bound("host", "", 500 * MIB, used["host"] * MIB)
        return Reading(0.0, (box, host), None, None)

    async def relieve() -> str:
        used.update(box=50, host=150)
        return "moved it"

    ladder = Ladder(read)
    ladder.register(Step("move it", Rung.CACHES, relieve))
    report = await ladder.climb("test", lambda _: False)
    assert report.freed_bytes == 850 * MIB


async def test_where_memory_can_not_be_read_after_a_step_nothing_is_said_to_be_freed() -> None:
    bounds = [(Bound("cgroup v2", "/box", 1000 * MIB, 950 * MIB),), ()]
    ladder = Ladder(lambda: Reading(0.0, bounds.pop(0) if bounds else (), None, None))

    async def relieve() -> str:
        return "did nothing"

    ladder.register(Step("nothing", Rung.CACHES, relieve))
    report = await ladder.climb("test", lambda _: False)
    assert (report.steps[0].after_bytes, report.freed_bytes) == (None, 0)


async def test_a_listener_that_fails_harms_neither_the_run_nor_the_others() -> None:
    water, heard = Water(), list[CleanupReport]()

    def fail(_: CleanupReport) -> None:
        raise RuntimeError("a listener's own fault")

    water.ladder.on_report(fail)
    water.ladder.on_report(heard.append)
    report = await water.ladder.climb("test", water.is_calm)
    assert heard == [report]
