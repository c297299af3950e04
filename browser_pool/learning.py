"""What a lease costs, learned from the renderers, and how much of its promise has arrived.

A lease is expected to cost what such leases have come to at their fullest: the highest of what its renderer held
while it opened a few pages is one observation. What counts is the renderer's own memory, without the pages of the
program's file that all of them share: that is what one more of them takes, and it costs microseconds to read.
"""

from __future__ import annotations

from collections.abc import Iterable

from browser_pool.lease import Lease, LeaseRequest
from memory import CostEstimator, MemoryBudget, ProcessMemory, Role
from memory.processes import own_bytes

PAGES_AN_OBSERVATION = 5


class CostLearner:
    """Puts down to each lease what its renderer holds, and knows what to expect of the next."""

    def __init__(self, costs: CostEstimator, budget: MemoryBudget, prior_bytes: int) -> None:
        self._costs = costs
        self._budget = budget
        self._prior_bytes = prior_bytes

    def expected_bytes(self, request: LeaseRequest) -> int:
        """What to reserve for a lease on a new context."""
        return self._costs.expected_bytes(request.cost_class, prior_bytes=self._prior_bytes)

    def look(self, leases: Iterable[Lease], tree: Iterable[ProcessMemory]) -> None:
        """Whose renderer is whose Chromium does not tell, so they are matched by size.

        Chromium keeps a spare renderer or two: the largest are the ones with pages. Of these the largest is put down
        to the lease that is expected to cost most, and so on; as soon as classes differ, they part.
        """
        at_work = [lease for lease in leases if lease.context.pages]
        by_cost = sorted(at_work, key=lambda lease: self.expected_bytes(lease.request), reverse=True)
        held = (own_bytes(row.pid) for row in tree if row.role is Role.RENDERER) if at_work else ()
        for lease, own in zip(by_cost, sorted((one for one in held if one), reverse=True), strict=False):
            lease.peak_bytes = max(lease.peak_bytes, own)
            lease.context.held_bytes = own
            self._budget.measure(lease.reservation, own - lease.held_before_bytes)
            if lease.context.pages - lease.learned_at_page >= PAGES_AN_OBSERVATION:
                self.learn(lease)

    def learn(self, lease: Lease) -> None:
        """Take the fullest moment since the last time as an observation; for a lease that ends, too."""
        if lease.peak_bytes:
            self._costs.learn(lease.request.cost_class, lease.peak_bytes)
        lease.peak_bytes, lease.learned_at_page = 0, lease.context.pages
