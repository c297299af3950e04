"""What a lease costs is learned from the renderers, each put down to the lease that it most likely serves."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest

from browser_pool import PoolSettings
from browser_pool.browser import Browser
from browser_pool.context import WarmContext
from browser_pool.endpoint import LOCAL
from browser_pool.events import Hooks
from browser_pool.identity import Identity
from browser_pool.learning import GROWN_SECONDS, PAGES_AN_OBSERVATION, CostLearner
from browser_pool.lease import Lease, LeaseRequest
from browser_pool.owner import BrowserOwner
from browser_pool.wear import BrowserWear
from memory import CostEstimator, MemoryBudget, ProcessMemory, Role
from memory.processes import own_bytes, peak_own_bytes

MIB = 1 << 20


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> dict[int, int]:
    """What each process holds, by pid, in MiB, and by the pid with a minus at its fullest: the test fills it."""
    sizes: dict[int, int] = {}
    monkeypatch.setattr("browser_pool.learning.own_bytes", lambda pid: sizes[pid] * MIB)
    monkeypatch.setattr("browser_pool.learning.peak_own_bytes", lambda pid: sizes.get(-pid, sizes[pid]) * MIB)
    return sizes


class NoBrowser(Browser):
    """One that was never started: for what asks a browser nothing."""

    has_pages = False
    is_alive = True

    async def open_context(self, identity: Identity) -> NoReturn:
        raise NotImplementedError

    async def reclaim(self) -> None:
        raise NotImplementedError

    async def check(self) -> None:
        raise NotImplementedError

    async def renderers(self) -> NoReturn:
        raise NotImplementedError

    async def _end(self) -> None:
        raise NotImplementedError

    def kill(self) -> None:
        raise NotImplementedError


def settings(context_mb: int) -> PoolSettings:
    return PoolSettings(context_cost_bytes=context_mb * MIB)


def browser() -> Browser:
    return NoBrowser(LOCAL, version="1", is_sandboxed=None, root_pid=None)


def local_owner() -> BrowserOwner:
    return BrowserOwner(
        LOCAL,
        PoolSettings(),
        uses_driver=False,
        limit_bytes=lambda: None,
        on_launched=lambda _: None,
        on_lost=lambda _: None,
        hooks=Hooks(),
    )


def lease(site: str, pages: int = 1) -> Lease:
    request = LeaseRequest(site, job="read")
    context = WarmContext(1, site, request.identity)
    reservation = MemoryBudget().debit(0, owner="test")
    made = Lease(1, request, context, reservation, asked_seconds=0.0, memory_is_tight=bool)
    context.pages = pages
    return made


def tree(*pids: int) -> tuple[ProcessMemory, ...]:
    return (ProcessMemory(99, Role.BROWSER, 0, "pss"), *(ProcessMemory(pid, Role.RENDERER, 0, "pss") for pid in pids))


def test_a_lease_that_ends_has_cost_what_its_renderer_held_at_its_fullest(held: dict[int, int]) -> None:
    costs = CostEstimator()
    learner, one = CostLearner(costs, MemoryBudget(), settings(96)), lease("a")
    for size in (40, 120, 60):
        held[1] = size
        learner.look([one], (), tree(1))
    learner.learn(one)
    assert costs.observations() == {"context a/read": [120 * MIB]}


def test_a_long_lease_is_an_observation_every_few_pages(held: dict[int, int]) -> None:
    costs, held[1] = CostEstimator(), 50
    learner, one = CostLearner(costs, MemoryBudget(), settings(96)), lease("a", pages=0)
    for _ in range(4 * PAGES_AN_OBSERVATION):
        one.context.pages += 1
        learner.look([one], (), tree(1))
    assert costs.observations() == {"context a/read": [50 * MIB] * 4}


def test_spare_renderers_and_leases_that_have_opened_nothing_teach_nothing(held: dict[int, int]) -> None:
    costs = CostEstimator()
    learner, one, idle = (
        CostLearner(costs, MemoryBudget(), settings(96)),
        lease("a"),
        lease("b", pages=0),
    )
    held.update({1: 20, 2: 100, 3: 21})
    learner.look([one, idle], (), tree(1, 2, 3))
    for each in (one, idle):
        learner.learn(each)
    assert costs.observations() == {"context a/read": [100 * MIB]}


def test_the_largest_renderer_is_put_down_to_the_lease_that_is_expected_to_cost_most(held: dict[int, int]) -> None:
    costs = CostEstimator()
    costs.restore({"context heavy/read": [200 * MIB] * 3, "context light/read": [30 * MIB] * 3})
    learner, light, heavy = (
        CostLearner(costs, MemoryBudget(), settings(96)),
        lease("light"),
        lease("heavy"),
    )
    held.update({1: 210, 2: 33})
    learner.look([light, heavy], (), tree(2, 1))
    assert (light.peak_bytes, heavy.peak_bytes) == (33 * MIB, 210 * MIB)


def test_what_a_process_holds_of_its_own_is_less_than_all_it_has_resident() -> None:
    own = own_bytes(os.getpid())
    assert own is not None
    assert own > 1 * MIB
    assert own_bytes(2**22 + 1) is None


def test_a_warm_context_is_promised_what_it_does_not_hold_yet_and_at_least_a_quarter(held: dict[int, int]) -> None:
    learner, one = (
        CostLearner(CostEstimator(), MemoryBudget(), settings(100)),
        lease("a"),
    )
    warm = WarmContext(2, "a", one.request.identity)
    assert learner.need_bytes(one.request, None) == 100 * MIB
    assert learner.need_bytes(one.request, warm) == 25 * MIB
    for own, need in ((40, 60), (90, 25), (300, 25)):
        held.update({1: 400, 2: own})
        learner.look([one], [warm], tree(2, 1))
        assert warm.held_bytes == own * MIB
        assert learner.need_bytes(one.request, warm) == need * MIB


def test_of_a_promise_has_arrived_what_the_renderer_has_grown_since_the_lease_began(held: dict[int, int]) -> None:
    budget = MemoryBudget()
    learner, one = CostLearner(CostEstimator(), budget, settings(100)), lease("a")
    one.reservation = budget.debit(60 * MIB, owner="lease", component="browser")
    one.held_before_bytes = 40 * MIB
    for own, unused in ((30, 60), (70, 30), (50, 50), (200, 0)):
        held[1] = own
        learner.look([one], (), tree(1))
        assert budget.unused_bytes == unused * MIB


def test_what_a_new_browser_will_grow_to_is_promised_until_it_has_grown() -> None:
    budget, costs = MemoryBudget(), CostEstimator()
    learner = CostLearner(costs, budget, settings(100))
    owner, first, second = local_owner(), browser(), browser()
    learner.promise_growth(owner)
    assert budget.unused_bytes == 0
    learner.look_at_browser(owner, first, BrowserWear(GROWN_SECONDS, 240 * MIB, None))
    learner.look_at_browser(owner, first, BrowserWear(GROWN_SECONDS + 1, 250 * MIB, None))
    assert costs.observations() == {"browser": [240 * MIB]}
    learner.promise_growth(owner)
    for age, held_mb, unused_mb in ((0, 0, 240), (1, 150, 90), (2, 230, 10), (GROWN_SECONDS, 232, 0)):
        learner.look_at_browser(owner, second, BrowserWear(age, held_mb * MIB, None))
        assert budget.unused_bytes == unused_mb * MIB
    learner.promise_growth(owner)
    learner.promise_growth(owner)
    assert budget.statistics().reservations == 1
    learner.forget_growth(owner)
    learner.forget_growth(owner)
    assert budget.statistics().reservations == 0


def test_what_pages_come_to_while_they_are_made_to_give_back_does_not_lower_what_is_expected(
    held: dict[int, int],
) -> None:
    costs = CostEstimator()
    learner, one = CostLearner(costs, MemoryBudget(), settings(96)), lease("a")
    one.memory_is_tight = lambda: True
    for own in (40, 150):
        held[1] = own
        learner.look([one], (), tree(1))
        learner.learn(one)
    assert costs.observations() == {"context a/read": [150 * MIB]}


def test_what_a_page_held_between_two_looks_is_not_missed_and_not_counted_twice(held: dict[int, int]) -> None:
    costs = CostEstimator()
    learner, one = CostLearner(costs, MemoryBudget(), settings(10)), lease("a")
    for own, peak in ((40, 150), (60, 150), (50, 170)):
        held[1], held[-1] = own, peak
        learner.look([one], (), tree(1))
        learner.learn(one)
    assert costs.observations() == {"context a/read": [150 * MIB, 60 * MIB, 170 * MIB]}


def test_the_peak_of_a_process_is_at_least_what_it_holds() -> None:
    held, peak = own_bytes(os.getpid()), peak_own_bytes(os.getpid())
    assert held is not None
    assert peak is not None
    # The kernel counts pages of the two figures in batches.
    assert peak >= held * 0.95
    assert peak_own_bytes(-1) is None
