"""What a lease costs, learned from the renderers, and how much of its promise has arrived.

A lease is expected to cost what such leases have come to at their fullest: the highest of what its renderer held
while it opened a few pages is one observation. What counts is the renderer's own memory, without the pages of the
program's file that all of them share: that is what one more of them takes, and it costs microseconds to read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from browser_pool.browser import Browser, BrowserState
from browser_pool.context import WarmContext
from browser_pool.lease import Lease, LeaseRequest
from browser_pool.owner import BrowserOwner
from browser_pool.settings import PoolSettings
from browser_pool.wear import BrowserWear
from memory import Admission, Component, CostEstimator, MemoryBudget, ProcessMemory, Reading, Reservation, Role
from memory.processes import own_bytes, peak_own_bytes

PAGES_AN_OBSERVATION = 5
GROWN_SECONDS = 10.0
"""So long after launch a browser and its driver have most of what they will have without pages."""


class CostLearner:
    """Puts down to each lease what its renderer holds, and knows what to expect of the next."""

    def __init__(self, costs: CostEstimator, budget: MemoryBudget, settings: PoolSettings) -> None:
        self._costs = costs
        self._budget = budget
        self._settings = settings
        self._growth: dict[BrowserOwner, Reservation] = {}
        self._grown: set[Browser] = set()
        self._peaks: dict[int, int] = {}

    def expected_bytes(self, request: LeaseRequest) -> int:
        """What to reserve for a lease on a new context."""
        return self._costs.expected_bytes(request.cost_class, prior_bytes=self._settings.context_cost_bytes)

    def has_promised(self, owner: BrowserOwner) -> bool:
        """Whether memory is reserved for a browser of this owner, for its launch or its growth."""
        return owner in self._growth

    def reserve_launch(self, owner: BrowserOwner, reading: Reading) -> Admission | None:
        """Reserve what a browser that is not there yet will take. None if that was done, or nothing is to be."""
        if not owner.must_launch or owner in self._growth:
            return None
        expected = self._costs.expected_bytes(_cost_class(owner), prior_bytes=self._settings.launch_cost_bytes)
        reservation, admission = self._budget.reserve(
            reading, expected, owner=f"a browser at {owner.endpoint.name}", component=Component.BROWSER
        )
        if reservation is None:
            return admission
        self._growth[owner] = reservation
        return None

    def promise_growth(self, owner: BrowserOwner) -> None:
        """A browser was launched: see that what it and its driver will have grown to is promised, as far as known.

        They take a third of it only in their first seconds, and a lease that is granted before that finds it gone.
        """
        if owner in self._growth or not owner.endpoint.is_local:
            return
        expected = self._costs.expected_bytes(_cost_class(owner), prior_bytes=0)
        if expected:
            self._growth[owner] = self._budget.debit(expected, owner="the growth of a browser")

    def forget_growth(self, owner: BrowserOwner) -> None:
        """There is no browser of this owner, or it has grown up."""
        growth = self._growth.pop(owner, None)
        if growth is not None:
            self._budget.release(growth)

    def look_at_browser(self, owner: BrowserOwner, browser: Browser, wear: BrowserWear) -> None:
        """Take note of what a browser and its driver hold by now."""
        if not wear.held_bytes:
            return
        if owner in self._growth:
            self._budget.measure(self._growth[owner], wear.held_bytes)
        if wear.age_seconds >= GROWN_SECONDS and browser not in self._grown:
            self._grown = {one for one in self._grown if one.state is not BrowserState.CLOSED} | {browser}
            self._costs.learn(_cost_class(owner), wear.held_bytes)
            # What comes now is growth of another kind, and shows in the readings.
            self.forget_growth(owner)

    def need_bytes(self, request: LeaseRequest, warm: WarmContext | None, *, is_remote: bool = False) -> int:
        """What to reserve for a lease: of what it is expected to cost, a warm context holds a part already.

        A context on another machine costs ours next to nothing.

        At least a quarter is reserved all the same, for the moment when an old and a new document overlap; that much
        too where it is not known what the context holds.
        """
        if is_remote:
            return self._settings.remote_context_bytes
        cost = self.expected_bytes(request)
        if warm is None:
            return cost
        held = cost if warm.held_bytes is None else warm.held_bytes
        return max(cost - held, cost // 4)

    def look(self, leases: Iterable[Lease], idle: Iterable[WarmContext], tree: Iterable[ProcessMemory]) -> None:
        """Put down to each context what its renderer holds: by process where that is known, else by size.

        Of those that are not known the largest are taken to be of leases at work, and of these the largest is put
        down to the lease that is expected to cost most, and so on. Then come idle contexts, and what is left are the
        spare ones that Chromium keeps.
        """
        at_work = [lease for lease in leases if lease.context.pages and not lease.context.is_remote]
        by_cost = sorted(at_work, key=lambda lease: self.expected_bytes(lease.request), reverse=True)
        idle = list(idle)
        known = {
            context.renderer_pid
            for context in (*idle, *(lease.context for lease in at_work))
            if context.renderer_pid is not None
        }
        held = dict(self._held(known | {row.pid for row in tree if row.role is Role.RENDERER}))
        by_size = sorted((held[pid] for pid in held.keys() - known), reverse=True)

        def take(context: WarmContext) -> tuple[int, int] | None:
            if context.renderer_pid in held:
                return held[context.renderer_pid]
            return by_size.pop(0) if by_size else None

        found = [(lease, take(lease.context)) for lease in by_cost]
        for context in idle:
            if (its := take(context)) is not None:
                context.held_bytes = its[0]
        for lease, its in found:
            if its is None:
                continue
            own, peak = its
            lease.peak_bytes = max(lease.peak_bytes, peak)
            lease.context.held_bytes = own
            self._budget.measure(lease.reservation, own - lease.held_before_bytes)
            if lease.context.pages - lease.learned_at_page >= PAGES_AN_OBSERVATION:
                self.learn(lease)

    def _held(self, pids: Iterable[int]) -> Iterator[tuple[int, tuple[int, int]]]:
        """By pid: what each renderer holds now, and what it held at its fullest since the last look, in bytes.

        A page can come and go between two looks. The kernel knows the peak of a process's whole life: where that has
        risen, it is the peak since then.
        """
        peaks: dict[int, int] = {}
        for pid in pids:
            own = own_bytes(pid)
            if not own:
                continue
            peak = peak_own_bytes(pid) or own
            has_risen = peak > self._peaks.get(pid, 0)
            peaks[pid] = max(peak, self._peaks.get(pid, 0))
            yield pid, (own, max(own, peak) if has_risen else own)
        self._peaks = peaks

    def learn(self, lease: Lease) -> None:
        """Take the fullest moment since the last time as an observation; for a lease that ends, too.

        Where memory is tight, pages are made to give back: what they come to then is less than what they would take,
        and to expect that little would let in more of them than fit.
        """
        is_news = not lease.memory_is_tight() or lease.peak_bytes > self.expected_bytes(lease.request)
        if lease.peak_bytes and is_news:
            self._costs.learn(lease.request.cost_class, lease.peak_bytes)
        lease.peak_bytes, lease.learned_at_page = 0, lease.context.pages


def _cost_class(owner: BrowserOwner) -> str:
    """Under which name it is learned what a browser of this kind takes."""
    return "browser with driver" if owner.uses_driver else "browser"
