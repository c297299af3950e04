"""Reservations: what is promised is never more than what is there."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from memory import Bound, ComponentStatistics, MemoryBudget, ProcessMemory, Reading, Reservation, Role
from memory.budget import decide

MIB = 1 << 20
LIMIT = 512 * MIB


def reading(used_bytes: int, limit_bytes: int = LIMIT, *more: Bound) -> Reading:
    return Reading(0.0, (Bound("cgroup v2", "/box", limit_bytes, used_bytes), *more), None, None)


NOTHING_KNOWN = Reading(0.0, (), None, None)


def promise(budget: MemoryBudget, now: Reading, need_bytes: int) -> Reservation:
    reservation, admission = budget.reserve(now, need_bytes, owner="test")
    assert reservation is not None, admission.reason
    return reservation


def test_what_is_promised_and_not_yet_used_counts_as_used() -> None:
    budget = MemoryBudget(margin_share=0)
    promise(budget, reading(200 * MIB), 300 * MIB)
    refused, admission = budget.reserve(reading(200 * MIB), 20 * MIB, owner="second")
    assert refused is None
    assert admission.available_bytes == 12 * MIB
    assert admission.reason == (
        "20 MiB needed, but 512 MiB limit - 200 MiB used - 300 MiB promised - 0 MiB margin = 12 MiB (cgroup v2 /box)"
    )


def test_a_share_of_the_limit_is_never_promised() -> None:
    budget = MemoryBudget(margin_share=0.10)
    room = LIMIT - int(LIMIT * 0.10)
    assert budget.reserve(reading(0), room + 1, owner="too much")[0] is None
    assert budget.reserve(reading(0), room, owner="just so")[0] is not None


def test_a_promise_that_is_given_back_can_be_made_again_and_giving_it_back_twice_is_harmless() -> None:
    budget = MemoryBudget()
    first = promise(budget, reading(0), 400 * MIB)
    budget.release(first)
    second = promise(budget, reading(0), 400 * MIB)
    budget.release(first)
    assert budget.unused_bytes == 400 * MIB
    budget.release(second)
    assert budget.statistics().reservations == 0


def test_a_promise_shrinks_as_its_memory_arrives_the_oldest_first() -> None:
    budget = MemoryBudget()
    first = promise(budget, reading(100 * MIB), 50 * MIB)
    second = promise(budget, reading(100 * MIB), 50 * MIB)
    budget.observe(reading(160 * MIB))
    assert (first.unused_bytes, second.unused_bytes) == (0, 40 * MIB)
    assert (first.promised_bytes, second.promised_bytes) == (50 * MIB, 50 * MIB)


def test_memory_that_came_and_went_has_not_arrived_however_often() -> None:
    budget = MemoryBudget()
    one = promise(budget, reading(100 * MIB), 50 * MIB)
    for _ in range(10):
        budget.observe(reading(140 * MIB))
        assert one.unused_bytes == 10 * MIB
        budget.observe(reading(100 * MIB))
        assert one.unused_bytes == 50 * MIB


def test_growth_before_a_promise_does_not_settle_it_and_later_growth_settles_the_older_one_first() -> None:
    budget = MemoryBudget()
    first = promise(budget, reading(100 * MIB), 50 * MIB)
    second = promise(budget, reading(130 * MIB), 50 * MIB)
    assert (first.unused_bytes, second.unused_bytes) == (20 * MIB, 50 * MIB)
    budget.observe(reading(160 * MIB))
    assert (first.unused_bytes, second.unused_bytes) == (0, 40 * MIB)


def test_where_memory_has_fallen_since_an_older_promise_the_newer_one_still_arrives() -> None:
    budget = MemoryBudget()
    older = promise(budget, reading(150 * MIB), 50 * MIB)
    newer = promise(budget, reading(100 * MIB), 50 * MIB)
    budget.observe(reading(150 * MIB))
    assert (older.unused_bytes, newer.unused_bytes) == (50 * MIB, 0)


def test_a_promise_whose_owner_measures_goes_by_that_and_by_nothing_else() -> None:
    budget = MemoryBudget()
    one = promise(budget, reading(100 * MIB), 50 * MIB)
    budget.measure(one, 20 * MIB)
    budget.observe(reading(300 * MIB))
    assert one.unused_bytes == 30 * MIB
    for arrived, unused in ((-5, 50), (10, 40), (500, 0)):
        budget.measure(one, arrived * MIB)
        assert one.unused_bytes == unused * MIB


@settings(max_examples=20)
@given(st.lists(st.integers(0, 300), min_size=1, max_size=30), st.integers(1, 60))
def test_whatever_others_use_comes_and_goes_what_was_promised_still_fits_when_it_has_gone(
    others_mb: list[int], need_mb: int
) -> None:
    """Owners take nothing until the end, while others take and give back; then all of them take what was promised."""
    budget, limit, used = MemoryBudget(), 1000, 100
    promised = 0
    for other in [*others_mb, 0]:
        while budget.reserve(reading((used + other) * MIB, limit * MIB), need_mb * MIB, owner="one")[0] is not None:
            promised += need_mb
    assert used + promised <= limit


def test_a_deadline_that_has_passed_is_seen_by_whoever_only_asks() -> None:
    budget = MemoryBudget(margin_share=0)
    budget.debit(LIMIT, owner="gone", deadline_at_seconds=1.0)
    assert not budget.decide(reading(0), 1 * MIB).is_safe
    assert budget.decide(replace(reading(0), at_seconds=1.0), 1 * MIB).is_safe


def test_each_bound_keeps_its_own_margin() -> None:
    """The nearest limit by headroom is not always the one that would be broken first."""
    host = Bound("host", "", 16000 * MIB, 15300 * MIB)
    admission = decide(reading(400 * MIB, 1000 * MIB, host), 10 * MIB, 0)
    assert not admission.is_safe
    assert admission.bound_by == "host"


@pytest.mark.parametrize("wrong", (-1, 1.5, float("nan"), True, "1"))
def test_a_need_that_is_no_number_of_bytes_is_an_error_and_promises_nothing(wrong: int) -> None:
    budget = MemoryBudget()
    with pytest.raises(ValueError, match="a need is a number of bytes"):
        budget.reserve(NOTHING_KNOWN, wrong, owner="wrong")
    with pytest.raises(ValueError, match="a need is a number of bytes"):
        budget.debit(wrong, owner="wrong")
    assert budget.statistics().granted == 0


def test_memory_that_was_there_before_a_promise_is_not_its_arrival() -> None:
    budget = MemoryBudget()
    budget.observe(reading(0))
    one = promise(budget, reading(200 * MIB), 50 * MIB)
    assert one.unused_bytes == 50 * MIB


def test_another_bound_that_binds_now_is_not_growth() -> None:
    budget = MemoryBudget()
    one = promise(budget, reading(100 * MIB), 50 * MIB)
    host = Bound("host", "", 8192 * MIB, 8100 * MIB)
    budget.observe(reading(100 * MIB, LIMIT, host))
    assert one.unused_bytes == 50 * MIB


def test_where_no_limit_is_known_everything_is_granted_and_said_to_be_so() -> None:
    budget = MemoryBudget()
    reservation, admission = budget.reserve(NOTHING_KNOWN, 1 << 50, owner="big")
    assert reservation is not None
    assert (admission.limit_bytes, admission.used_bytes, admission.available_bytes) == (None, None, None)
    assert "no memory limit is known" in admission.reason


def test_the_statistics_tell_what_was_granted_and_refused() -> None:
    budget = MemoryBudget(margin_share=0)
    promise(budget, reading(0), 500 * MIB)
    budget.reserve(reading(0), 500 * MIB, owner="late")
    budget.observe(reading(100 * MIB))
    figures = budget.statistics()
    assert (figures.granted, figures.refused, figures.reservations) == (1, 1, 1)
    assert (figures.promised_bytes, figures.unused_bytes) == (500 * MIB, 400 * MIB)


async def test_a_thousand_tasks_that_ask_at_once_get_no_more_than_there_is() -> None:
    budget, now, need = MemoryBudget(), reading(100 * MIB), 3 * MIB

    async def ask() -> Reservation | None:
        await asyncio.sleep(0)
        return budget.reserve(now, need, owner="one of many")[0]

    granted = [one for one in await asyncio.gather(*(ask() for _ in range(1000))) if one is not None]
    room = LIMIT - 100 * MIB - int(LIMIT * budget.margin_share)
    assert len(granted) == room // need
    assert budget.unused_bytes == len(granted) * need
    assert budget.statistics().refused == 1000 - len(granted)


@settings(max_examples=15)  # each is a thousand tasks
@given(
    st.integers(0, 900),
    st.lists(st.tuples(st.integers(1, 60), st.integers(0, 80)), min_size=1, max_size=40),
    st.randoms(use_true_random=False),
)
async def test_tasks_that_ask_at_once_and_then_take_what_they_were_promised_never_go_over_the_limit(
    used_mb: int, tasks: list[tuple[int, int]], random: Random
) -> None:
    """A thousand tasks. Each takes at most what it was promised, in its own time, and gives it back."""
    budget, limit, used = MemoryBudget(), 1000 * MIB, used_mb * MIB
    peak = used

    async def task(need: int, takes: int) -> None:
        nonlocal used, peak
        for _ in range(3):
            reservation, _ = budget.reserve(reading(used, limit), need, owner="one", component="tasks")
            if reservation is not None:
                break
            await asyncio.sleep(0)
        else:
            return
        for _ in range(random.randrange(3)):
            await asyncio.sleep(0)
        taken = min(need, takes)
        used += taken
        peak = max(peak, used)
        budget.observe(reading(used, limit))
        await asyncio.sleep(0)
        # Its memory goes before its promise, as a context is closed before its lease is forgotten.
        used -= taken
        budget.release(reservation)

    plan = [tasks[number % len(tasks)] for number in range(1000)]
    await asyncio.gather(*(task(need * MIB, takes * MIB) for need, takes in plan))
    assert peak <= limit
    assert budget.statistics().reservations == 0


def test_a_promise_whose_deadline_has_passed_is_given_back_by_itself_and_counted() -> None:
    budget = MemoryBudget(margin_share=0)
    one, _ = budget.reserve(reading(0), 500 * MIB, owner="gone", component="tasks", deadline_at_seconds=10.0)
    assert one is not None
    early, late = (replace(reading(0), at_seconds=seconds) for seconds in (9.9, 10.0))
    assert budget.reserve(early, 100 * MIB, owner="next", component="tasks")[0] is None
    assert budget.reserve(late, 100 * MIB, owner="next", component="tasks")[0] is not None
    assert (budget.statistics().expired, budget.statistics().reservations) == (1, 1)
    budget.release(one)
    assert budget.statistics().reservations == 1


def test_a_component_is_promised_no_more_than_its_share_of_the_limit_and_what_has_arrived_still_counts() -> None:
    budget = MemoryBudget(margin_share=0, shares={"store": 0.25, "jobs": 0.5})
    assert budget.reserve(reading(0), 128 * MIB, owner="one", component="store")[0] is not None
    budget.observe(reading(128 * MIB))
    refused, admission = budget.reserve(reading(128 * MIB), 1 * MIB, owner="two", component="store")
    assert refused is None
    assert admission.reason == "1 MiB needed, but 128 MiB of the 128 MiB that store may have are promised already"
    assert budget.reserve(reading(128 * MIB), 200 * MIB, owner="three", component="jobs")[0] is not None


def test_a_component_without_a_budget_may_have_what_is_there() -> None:
    budget = MemoryBudget(margin_share=0, shares={"store": 0.25})
    assert budget.reserve(reading(0), LIMIT, owner="one", component="mine")[0] is not None


def test_a_budget_follows_a_limit_that_changes() -> None:
    budget = MemoryBudget(margin_share=0, shares={"store": 0.5})
    assert not budget.decide(reading(0, 100 * MIB), 60 * MIB, "store").is_safe
    assert budget.decide(reading(0, 200 * MIB), 60 * MIB, "store").is_safe


def test_the_components_tell_budget_promise_and_what_their_processes_hold() -> None:
    budget = MemoryBudget(shares={"browser": 0.5, "store": 0.25, "jobs": 0.25})
    budget.debit(10 * MIB, owner="one", component="browser")
    budget.debit(5 * MIB, owner="two", component="mine")
    tree = (
        ProcessMemory(1, Role.RENDERER, 30 * MIB, "pss"),
        ProcessMemory(2, Role.DRIVER, 50 * MIB, "pss"),
        ProcessMemory(3, Role.PYTHON, 40 * MIB, "pss"),
    )
    rows = {row.component: row for row in budget.components(reading(0), tree)}
    assert rows["browser"] == ComponentStatistics("browser", LIMIT // 2, 10 * MIB, 10 * MIB, 80 * MIB)
    assert (rows["store"].held_bytes, rows["jobs"].held_bytes) == (0, None)
    assert rows["mine"] == ComponentStatistics("mine", None, 5 * MIB, 5 * MIB, None)


def test_growth_is_noticed_at_a_bound_that_did_not_bind_for_a_while() -> None:
    budget = MemoryBudget()
    one = promise(budget, reading(100 * MIB), 50 * MIB)
    budget.observe(reading(120 * MIB, LIMIT, Bound("host", "", 8192 * MIB, 8100 * MIB)))
    budget.observe(reading(130 * MIB))
    assert one.unused_bytes == 20 * MIB


bounds = st.builds(
    lambda kind, limit, used: Bound(kind, "", limit, used),
    st.sampled_from(("cgroup v1", "cgroup v2", "host", "cap")),
    st.integers(1, 1 << 40),
    st.integers(0, 1 << 40),
)


@given(st.lists(bounds, max_size=4), st.integers(0, 1 << 40), st.integers(0, 1 << 40))
def test_a_grant_fits_below_every_bound(found: list[Bound], need: int, promised: int) -> None:
    admission = decide(Reading(0.0, tuple(found), None, None), need, promised)
    if admission.is_safe:
        assert all(bound.headroom_bytes - promised >= need for bound in found)
    else:
        assert any(bound.headroom_bytes - promised < need + bound.limit_bytes * 0.06 for bound in found)


class Book(RuleBasedStateMachine):
    """Any order of asking, growing, shrinking and giving back, against a memory that keeps count."""

    def __init__(self) -> None:
        super().__init__()
        self.budget = MemoryBudget()
        self.used = 100 * MIB
        self.held: list[Reservation] = []

    def now(self) -> Reading:
        return reading(self.used)

    @rule(need=st.integers(0, 300 * MIB))
    def ask(self, need: int) -> None:
        reservation, admission = self.budget.reserve(self.now(), need, owner="machine")
        room = LIMIT - self.used - int(LIMIT * self.budget.margin_share)
        if reservation is None:
            assert self.budget.unused_bytes + need > room
        else:
            self.held.append(reservation)
            assert self.budget.unused_bytes <= room
        assert admission.is_safe == (reservation is not None)

    @rule(change=st.integers(-200 * MIB, 200 * MIB))
    def memory_changes(self, change: int) -> None:
        # What has been given back since the last look is reckoned with first.
        self.budget.observe(self.now())
        before = self.budget.unused_bytes
        self.used = max(0, self.used + change)
        self.budget.observe(self.now())
        assert self.budget.unused_bytes - before <= max(0, -change)

    @rule(which=st.integers(0, 50))
    def give_back(self, which: int) -> None:
        if self.held:
            self.budget.release(self.held.pop(which % len(self.held)))

    @invariant()
    def the_book_holds_what_is_held(self) -> None:
        assert self.budget.unused_bytes == sum(one.unused_bytes for one in self.held)
        assert all(0 <= one.unused_bytes <= one.promised_bytes for one in self.held)
        assert self.budget.statistics().reservations == len(self.held)


TestBook = Book.TestCase
