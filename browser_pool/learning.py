"""What a lease costs, learned from the renderers, and how much of its promise has arrived.

A lease is expected to cost what such leases have come to at their fullest: the highest of what its renderer held
while it opened a few pages is one observation. What counts is the renderer's own memory, without the pages of the
program's file that all of them share: that is what one more of them takes, and it costs microseconds to read.
"""

from __future__ import annotations

from collections.abc import Iterable

from browser_pool.context import WarmContext
from browser_pool.lease import Lease, LeaseRequest
from browser_pool.wear import BrowserWear
from memory import CostEstimator, MemoryBudget, ProcessMemory, Reservation, Role
from memory.processes import own_bytes

PAGES_AN_OBSERVATION = 5
BROWSER = "browser"
GROWN_SECONDS = 10.0
"""So long after launch a browser and its driver have most of what they will have without pages."""


class CostLearner:
    """Puts down to each lease what its renderer holds, and knows what to expect of the next."""

    def __init__(self, costs: CostEstimator, budget: MemoryBudget, prior_bytes: int) -> None:
        self._costs = costs
        self._budget = budget
        self._prior_bytes = prior_bytes
        self._growth: Reservation | None = None
        self._is_growth_learned = False

    def expected_bytes(self, request: LeaseRequest) -> int:
        """What to reserve for a lease on a new context."""
        return self._costs.expected_bytes(request.cost_class, prior_bytes=self._prior_bytes)

    def promise_growth(self) -> None:
        """A browser was launched: reserve what it and its driver will have grown to, as far as that is known.

        They take a third of it only in their first seconds, and a lease that is granted before that finds it gone.
        """
        self.forget_growth()
        expected = self._costs.expected_bytes(BROWSER, prior_bytes=0)
        self._growth = self._budget.debit(expected, owner="the growth of the browser") if expected else None
        self._is_growth_learned = False

    def forget_growth(self) -> None:
        """The browser is gone."""
        if self._growth is not None:
            self._budget.release(self._growth)
            self._growth = None

    def look_at_browser(self, wear: BrowserWear) -> None:
        """Take note of what the browser and its driver hold by now."""
        if not wear.held_bytes:
            return
        if self._growth is not None:
            self._budget.measure(self._growth, wear.held_bytes)
        if wear.age_seconds >= GROWN_SECONDS and not self._is_growth_learned:
            self._is_growth_learned = True
            self._costs.learn(BROWSER, wear.held_bytes)
            # What comes now is growth of another kind, and shows in the readings.
            self.forget_growth()

    def need_bytes(self, request: LeaseRequest, warm: WarmContext | None) -> int:
        """What to reserve for a lease: of what it is expected to cost, a warm context holds a part already.

        At least a quarter is reserved all the same, for the moment when an old and a new document overlap; that much
        too where it is not known what the context holds.
        """
        cost = self.expected_bytes(request)
        if warm is None:
            return cost
        held = cost if warm.held_bytes is None else warm.held_bytes
        return max(cost - held, cost // 4)

    def look(self, leases: Iterable[Lease], idle: Iterable[WarmContext], tree: Iterable[ProcessMemory]) -> None:
        """Whose renderer is whose Chromium does not tell, so they are matched by size.

        The largest are those of leases at work, and of these the largest is put down to the lease that is expected to
        cost most, and so on; as soon as classes differ, they part. Then come idle contexts, and what is left are the
        spare ones that Chromium keeps.
        """
        at_work = [lease for lease in leases if lease.context.pages]
        by_cost = sorted(at_work, key=lambda lease: self.expected_bytes(lease.request), reverse=True)
        found = (own_bytes(row.pid) for row in tree if row.role is Role.RENDERER)
        held = sorted((one for one in found if one), reverse=True)
        for context, own in zip(idle, held[len(by_cost) :], strict=False):
            context.held_bytes = own
        for lease, own in zip(by_cost, held, strict=False):
            lease.peak_bytes = max(lease.peak_bytes, own)
            lease.context.held_bytes = own
            self._budget.measure(lease.reservation, own - lease.held_before_bytes)
            if lease.context.pages - lease.learned_at_page >= PAGES_AN_OBSERVATION:
                self.learn(lease)

    def learn(self, lease: Lease) -> None:
        """Take the fullest moment since the last time as an observation; for a lease that ends, too.

        Where memory is tight, pages are made to give back: what they come to then is less than what they would take,
        and to expect that little would let in more of them than fit.
        """
        is_news = not lease.memory_is_tight() or lease.peak_bytes > self.expected_bytes(lease.request)
        if lease.peak_bytes and is_news:
            self._costs.learn(lease.request.cost_class, lease.peak_bytes)
        lease.peak_bytes, lease.learned_at_page = 0, lease.context.pages
