"""The rules of the lease table, without Chromium: which context a request gets, and that no slot is ever lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from browser_pool import Identity, LeaseRefused, LeaseRequest, PoolSettings
from browser_pool.context import ContextState, WarmContext
from browser_pool.table import (
    CloseContext,
    LeaseTable,
    MakeContext,
    UseContext,
    Waiter,
    WaitForSlot,
    aged_priority,
)
from memory import Reservation

MOST = 3


def table(*, most: int = MOST, queue_limit: int = 100) -> LeaseTable:
    return LeaseTable(PoolSettings(max_contexts=most, queue_limit=queue_limit), lambda: False)


def having(rows: LeaseTable, *contexts: tuple[str, ContextState]) -> list[WarmContext]:
    """Add contexts, given as (site, state). A later one has been free for less time."""
    made = []
    for age, (site, state) in enumerate(contexts):
        context = rows.add_context(LeaseRequest(site))
        context.state, context.free_since_seconds = state, float(age)
        made.append(context)
    return made


async def test_whoever_waits_rises_so_that_no_stream_of_urgent_requests_can_starve_it() -> None:
    rows = LeaseTable(PoolSettings(ages_every_seconds=10), lambda: False)
    patient = rows.enqueue(LeaseRequest("a", priority=0))
    patient.asked_seconds -= 29
    urgent = rows.enqueue(LeaseRequest("a", priority=2))
    urgent.asked_seconds -= 1
    now = patient.asked_seconds + 29
    assert [aged_priority(one, now, 10) for one in (patient, urgent)] == [2, 2]
    assert rows.in_order()[0] is patient
    patient.asked_seconds += 10
    assert rows.in_order()[0] is urgent


def test_a_free_context_of_the_same_site_and_identity_is_used_the_one_used_last_first() -> None:
    rows = table()
    _, second, _ = having(rows, ("a", ContextState.FREE), ("a", ContextState.FREE), ("b", ContextState.FREE))
    assert rows.choose(LeaseRequest("a")) == UseContext(second)


def test_a_context_that_is_not_free_is_not_used() -> None:
    for state in (ContextState.LEASED, ContextState.CLOSING):
        rows = table()
        having(rows, ("a", state))
        assert rows.choose(LeaseRequest("a")) == MakeContext()


def test_one_that_is_just_being_cleaned_is_waited_for() -> None:
    rows = table()
    having(rows, ("a", ContextState.CLEANING))
    assert isinstance(rows.choose(LeaseRequest("a")), WaitForSlot)
    assert rows.choose(LeaseRequest("b")) == MakeContext()
    assert rows.choose(LeaseRequest("a", is_fresh=True)) == MakeContext()


def test_another_identity_is_another_context() -> None:
    rows = table()
    having(rows, ("a", ContextState.FREE))
    assert rows.choose(LeaseRequest("a", Identity(locale="de-DE"))) == MakeContext()


def test_with_every_slot_taken_the_context_idle_for_longest_makes_room() -> None:
    rows = table()
    oldest, *_ = having(rows, ("b", ContextState.FREE), ("c", ContextState.FREE), ("d", ContextState.LEASED))
    assert rows.choose(LeaseRequest("a")) == CloseContext(oldest)
    oldest.state = ContextState.CLOSING
    assert isinstance(rows.choose(LeaseRequest("a")), WaitForSlot), "one is enough"


def test_with_everybody_at_work_there_is_waiting() -> None:
    rows = table()
    having(rows, *(("a", ContextState.LEASED),) * MOST)
    assert rows.choose(LeaseRequest("a")) == WaitForSlot("all 3 contexts are in use")


def test_who_wants_a_fresh_context_gets_no_warm_one() -> None:
    rows = table(most=1)
    (warm,) = having(rows, ("a", ContextState.FREE))
    assert rows.choose(LeaseRequest("a", is_fresh=True)) == CloseContext(warm)


async def test_a_full_queue_refuses_and_counts_it() -> None:
    rows = table(queue_limit=2)
    for _ in range(2):
        rows.enqueue(LeaseRequest("a"))
    with pytest.raises(LeaseRefused, match="queue_full"):
        rows.enqueue(LeaseRequest("a"))
    assert rows.statistics().refused == {"queue_full": 1}
    assert rows.statistics().waiting == 2


@pytest.mark.parametrize(
    ("pages", "age", "worn"), ((0, 0.0, False), (9, 0.0, False), (10, 0.0, True), (0, 59.0, False), (0, 61.0, True))
)
def test_a_context_is_worn_by_pages_or_by_age(pages: int, age: float, *, worn: bool) -> None:
    rows = LeaseTable(PoolSettings(pages_per_context=10, context_age_seconds=60), lambda: False)
    (context,) = having(rows, ("a", ContextState.LEASED))
    context.pages = pages
    context._made_seconds -= age
    assert rows.is_worn(context) is worn


def test_forgetting_a_context_twice_counts_it_once() -> None:
    rows = table()
    (context,) = having(rows, ("a", ContextState.CLOSING))
    context.pages = 7
    rows.drop_context(context)
    rows.drop_context(context)
    assert (rows.statistics().contexts_closed, rows.statistics().pages_opened) == (1, 7)


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=20))
def test_the_queue_serves_by_priority_and_then_by_arrival(priorities: list[int]) -> None:
    async def serve() -> list[tuple[int, int]]:
        rows = table()
        for priority in priorities:
            rows.enqueue(LeaseRequest("a", priority=priority))
        order = []
        while head := next(iter(rows.in_order()), None):
            order.append((head.request.priority, head.number))
            rows.leave(head)
        return order

    order = asyncio.run(serve())
    assert order == sorted(order, key=lambda one: (-one[0], one[1]))
    assert len(order) == len(priorities)


class House:
    """A table with its pool, where what Chromium does is an event like any other."""

    def __init__(self) -> None:
        self.rows = table()
        self.asked: list[Waiter] = []

    def ask(self, which: int) -> None:
        self.asked.append(self.rows.enqueue(LeaseRequest("abc"[which % 3])))

    def fresh(self, which: int) -> None:
        self.asked.append(self.rows.enqueue(LeaseRequest("abc"[which % 3], is_fresh=True)))

    def give_up(self, which: int) -> None:
        if self.rows.waiters:
            self.rows.waiters[which % len(self.rows.waiters)].granted.cancel()

    def release(self, which: int, *, spoiled: bool = False) -> None:
        if self.rows.leases:
            lease = list(self.rows.leases.values())[which % len(self.rows.leases)]
            self.rows.leases.pop(lease.number)
            ends = spoiled or lease.request.is_fresh
            lease.context.state = ContextState.CLOSING if ends else ContextState.CLEANING

    def spoil(self, which: int) -> None:
        self.release(which, spoiled=True)

    def cleaned(self, which: int) -> None:
        if cleaning := self.rows.in_state(ContextState.CLEANING):
            cleaning[which % len(cleaning)].state = ContextState.FREE

    def closed(self, which: int) -> None:
        if closing := self.rows.in_state(ContextState.CLOSING):
            self.rows.drop_context(closing[which % len(closing)])

    def dispatch(self) -> None:
        while waiter := next(iter(self.rows.in_order()), None):
            match self.rows.choose(waiter.request):
                case CloseContext(context):
                    assert context.state is ContextState.FREE
                    context.state = ContextState.CLOSING
                    return
                case WaitForSlot():
                    return
                case UseContext(context):
                    assert (context.state, context.site) == (ContextState.FREE, waiter.request.site)
                    assert not waiter.request.is_fresh
                    self.grant(waiter, context)
                case MakeContext():
                    self.grant(waiter, self.rows.add_context(waiter.request))

    def grant(self, waiter: Waiter, context: WarmContext) -> None:
        waiter.granted.set_result(self.rows.grant(waiter, context, Reservation("test", "browser", 1, 1, None)))

    def check(self) -> None:
        now, leases = self.rows.statistics(), self.rows.leases.values()
        assert now.leased + now.free + now.cleaning + now.closing == len(self.rows.contexts) <= MOST
        assert now.leased == len(leases) == len({lease.context.number for lease in leases})
        assert now.contexts_made - now.contexts_closed == len(self.rows.contexts)


events = st.sampled_from(
    (House.ask, House.fresh, House.give_up, House.release, House.spoil, House.cleaned, House.closed)
)


@given(st.lists(st.tuples(events, st.integers(0, 20)), max_size=60))
def test_in_any_order_of_events_no_slot_is_lost_and_none_is_given_twice(
    happens: list[tuple[Callable[[House, int], None], int]],
) -> None:
    async def live() -> None:
        house = House()
        for event, which in happens:
            event(house, which)
            house.dispatch()
            house.check()
        # Whoever still waits is served in the end, if everybody else goes on.
        for _ in range(5 * len(house.asked) + 5):
            for event in (House.release, House.cleaned, House.closed):
                event(house, 0)
            house.dispatch()
        assert all(waiter.granted.done() for waiter in house.asked)

    asyncio.run(live())
