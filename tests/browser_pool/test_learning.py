"""What a lease costs is learned from the renderers, each put down to the lease that it most likely serves."""

from __future__ import annotations

import os

import pytest

from browser_pool.context import WarmContext
from browser_pool.learning import PAGES_AN_OBSERVATION, CostLearner
from browser_pool.lease import Lease, LeaseRequest
from memory import CostEstimator, MemoryBudget, ProcessMemory, Role
from memory.processes import own_bytes

MIB = 1 << 20


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> dict[int, int]:
    """What each process holds, by pid, in MiB: the test fills it."""
    sizes: dict[int, int] = {}
    monkeypatch.setattr("browser_pool.learning.own_bytes", lambda pid: sizes[pid] * MIB)
    return sizes


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
    learner, one = CostLearner(costs, MemoryBudget(), 96 * MIB), lease("a")
    for size in (40, 120, 60):
        held[1] = size
        learner.look([one], tree(1))
    learner.learn(one)
    assert costs.observations() == {"context a/read": [120 * MIB]}


def test_a_long_lease_is_an_observation_every_few_pages(held: dict[int, int]) -> None:
    costs, held[1] = CostEstimator(), 50
    learner, one = CostLearner(costs, MemoryBudget(), 96 * MIB), lease("a", pages=0)
    for _ in range(4 * PAGES_AN_OBSERVATION):
        one.context.pages += 1
        learner.look([one], tree(1))
    assert costs.observations() == {"context a/read": [50 * MIB] * 4}


def test_spare_renderers_and_leases_that_have_opened_nothing_teach_nothing(held: dict[int, int]) -> None:
    costs = CostEstimator()
    learner, one, idle = CostLearner(costs, MemoryBudget(), 96 * MIB), lease("a"), lease("b", pages=0)
    held.update({1: 20, 2: 100, 3: 21})
    learner.look([one, idle], tree(1, 2, 3))
    for each in (one, idle):
        learner.learn(each)
    assert costs.observations() == {"context a/read": [100 * MIB]}


def test_the_largest_renderer_is_put_down_to_the_lease_that_is_expected_to_cost_most(held: dict[int, int]) -> None:
    costs = CostEstimator()
    costs.restore({"context heavy/read": [200 * MIB] * 3, "context light/read": [30 * MIB] * 3})
    learner, light, heavy = CostLearner(costs, MemoryBudget(), 96 * MIB), lease("light"), lease("heavy")
    held.update({1: 210, 2: 33})
    learner.look([light, heavy], tree(2, 1))
    assert (light.peak_bytes, heavy.peak_bytes) == (33 * MIB, 210 * MIB)


def test_what_a_process_holds_of_its_own_is_less_than_all_it_has_resident() -> None:
    own = own_bytes(os.getpid())
    assert own is not None
    assert own > 1 * MIB
    assert own_bytes(2**22 + 1) is None
