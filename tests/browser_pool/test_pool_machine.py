"""Whatever is asked, whatever breaks and in whatever order: the lease table stays true, and in the end all is back.

The real pool over a Chromium that dies, hangs and refuses on demand; an hour passes in a moment.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from pathlib import Path
from typing import Any
from unittest import mock

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from browser_pool import BrowserPoolError, LeaseRequest, PoolSettings, UnifiedBrowserPool
from browser_pool.context import ContextState
from browser_pool.events import LeaseGranted, PoolEvent
from browser_pool.lease import Lease
from memory import Bound, LevelPolicy, MemoryBudget, MemoryGuard, MemoryMonitor, MemorySource, Reading
from tests.browser_pool.virtual import Chromiums, VirtualLoop

MIB = 1 << 20
MOST = 3
LIMIT_MB = 1000
CLEAN_SECONDS = 2.0
LONGEST_SECONDS = 60.0


class Dial(MemorySource):
    """A reading whose use of memory the test sets."""

    used_mb = 100

    def read(self) -> Reading:
        bound = Bound("cgroup v2", "/box", LIMIT_MB * MIB, self.used_mb * MIB)
        return Reading(time.monotonic(), (bound,), None, 0)


class PoolMachine(RuleBasedStateMachine):
    """Every rule is one thing that may happen at any moment."""

    def __init__(self) -> None:
        super().__init__()
        self.time = VirtualLoop()
        self.world = Chromiums()
        self.dial = Dial()
        self.monitor = MemoryMonitor(self.dial, levels=LevelPolicy(calm_seconds=0))
        self.budget = MemoryBudget()
        self.asking: dict[asyncio.Task[Lease], float] = {}
        self.held: list[Lease] = []
        self.given_back: list[Lease] = []
        self.grants_without_memory: list[LeaseGranted] = []
        self.stop = asyncio.Event()
        self.patches = contextlib.ExitStack()

    @initialize(memory_is_short=st.booleans())
    def open(self, *, memory_is_short: bool) -> None:
        self.patches.enter_context(mock.patch("browser_pool.owner.CdpBrowser.launch", self.world.launch))
        self.dial.used_mb = 700 if memory_is_short else 100
        with self.time.inside():
            chosen = PoolSettings(
                chromium=Path("/bin/true"),
                needs_page=False,
                max_contexts=MOST,
                queue_limit=6,
                clean_seconds=CLEAN_SECONDS,
                context_cost_bytes=100 * MIB,
                launch_cost_bytes=100 * MIB,
                pages_per_context=5,
                browser_age_seconds=600,
            )
            guard = MemoryGuard(self.monitor, self.budget)
            self.pool = UnifiedBrowserPool(chosen, guard=guard, hooks=(self._on_event,))
        self.serving = self.time.start(self._serve())
        self.time.advance(1.0)

    async def _serve(self) -> None:
        async with self.pool:
            await self.stop.wait()
        await self.monitor.ladder.stop()

    def _on_event(self, event: PoolEvent) -> None:
        if not isinstance(event, LeaseGranted):
            return
        # What it was promised is in the book by now, so that nothing more has to fit.
        has_room = self.budget.decide(self.dial.read(), 0).is_safe
        is_alone = len(self.pool._table.leases) == 1
        if not (is_alone if event.was_alone else has_room):
            self.grants_without_memory.append(event)

    @rule(
        site=st.sampled_from("ab"),
        priority=st.integers(0, 2),
        seconds=st.sampled_from((0.5, 5.0, LONGEST_SECONDS)),
        fresh=st.booleans(),
        deferrable=st.booleans(),
    )
    def ask(self, site: str, priority: int, seconds: float, *, fresh: bool, deferrable: bool) -> None:
        request = LeaseRequest(
            site, priority=priority, deadline_seconds=seconds, is_fresh=fresh, is_deferrable=deferrable
        )
        with self.time.inside():
            deadline = time.monotonic() + seconds
            self.asking[self.time.start(self.pool.acquire(request))] = deadline
        self.time.advance(0.1)

    @precondition(lambda self: self.asking)
    @rule(data=st.data())
    def give_up(self, data: st.DataObject) -> None:
        data.draw(st.sampled_from(list(self.asking))).cancel()
        self.time.advance(0.0)

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def give_back(self, data: st.DataObject) -> None:
        lease = data.draw(st.sampled_from(self.held))
        self.held.remove(lease)
        self.given_back.append(lease)
        self._do(lambda: self.pool.release(lease))

    @precondition(lambda self: self.given_back)
    @rule(data=st.data())
    def give_back_again(self, data: st.DataObject) -> None:
        lease = data.draw(st.sampled_from(self.given_back))
        self._do(lambda: self.pool.release(lease))

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def read_a_page(self, data: st.DataObject) -> None:
        lease = data.draw(st.sampled_from(self.held))
        reading = self.time.start(lease.open("http://site.test/", timeout_seconds=1))
        self.time.advance(0.5)
        if not reading.done():
            reading.cancel()
            self.time.advance(0.0)
        with contextlib.suppress(BrowserPoolError, asyncio.CancelledError):
            reading.result()

    @precondition(lambda self: self.world.alive)
    @rule(data=st.data())
    def a_browser_dies(self, data: st.DataObject) -> None:
        browser = data.draw(st.sampled_from(self.world.alive))
        self._do(browser.die)

    @precondition(lambda self: self.world.alive)
    @rule(data=st.data())
    def a_browser_dies_without_a_word(self, data: st.DataObject) -> None:
        data.draw(st.sampled_from(self.world.alive)).is_dead = True

    @precondition(lambda self: self.world.alive)
    @rule(data=st.data())
    def a_browser_hangs(self, data: st.DataObject) -> None:
        data.draw(st.sampled_from(self.world.alive)).is_wedged = True

    @precondition(lambda self: any(one.contexts for one in self.world.alive))
    @rule(data=st.data())
    def a_page_crashes(self, data: st.DataObject) -> None:
        contexts = [context for browser in self.world.alive for context in browser.contexts]
        data.draw(st.sampled_from(contexts)).is_broken = True

    @rule(times=st.integers(1, 7))
    def the_next_launches_fail(self, times: int) -> None:
        self.world.launches_fail = times

    @rule(hangs=st.booleans())
    def opening_takes_its_time(self, *, hangs: bool) -> None:
        self.world.opens_hang = hangs

    @rule(used_mb=st.sampled_from((100, 500, 700, 800, 880, 960)))
    def memory_moves(self, used_mb: int) -> None:
        self.dial.used_mb = used_mb
        self._do(lambda: self.pool._on_look(self.monitor.check_memory()))

    @rule()
    def the_ladder_is_climbed(self) -> None:
        self.time.start(self.monitor.ladder.climb("the machine", lambda _: False))
        self.time.advance(1.0)

    @rule(seconds=st.sampled_from((0.5, 5.0, 30.0, 700.0)))
    def time_passes(self, seconds: float) -> None:
        self.time.advance(seconds)
        self._do(lambda: self.pool._on_look(self.monitor.check_memory()))

    def _do(self, deed: Any) -> None:
        async def doing() -> None:
            deed()

        doing_it = self.time.start(doing())
        self.time.advance(0.1)
        doing_it.result()

    @invariant()
    def the_table_is_true(self) -> None:
        if not hasattr(self, "pool"):
            return
        self._collect()
        table, now = self.pool._table, self.pool.statistics()
        leased = [context for context in table.contexts if context.state is ContextState.LEASED]
        in_leases = [lease.context for lease in table.leases.values()]
        assert len(set(map(id, in_leases))) == len(in_leases), "one context is leased twice"
        assert set(map(id, leased)) == set(map(id, in_leases)), "a context is leased to nobody, or is not there"
        at_hand = {lease.number for lease in self.held}
        nobodys = [number for number in table.leases if number not in at_hand]
        assert len(nobodys) <= len(self.asking), "a lease is held by nobody"
        assert len(table.contexts) <= MOST
        assert now.contexts_made - now.contexts_closed == len(table.contexts)
        assert now.waiting + now.leased + now.free + now.cleaning + now.closing == len(table.waiters) + len(
            table.contexts
        )
        assert all(not lease.is_over for lease in table.leases.values())
        promised = [one.owner for one in self.budget._reservations.values()]
        assert sorted(one for one in promised if one.startswith("lease ")) == sorted(
            f"lease {number}" for number in table.leases
        )
        assert not self.grants_without_memory

    @invariant()
    def nobody_waits_beyond_its_deadline(self) -> None:
        self._collect()
        late = [task for task, deadline in self.asking.items() if deadline + 0.2 < self.time.clock.now_seconds]
        assert not late

    @invariant()
    def no_lease_outlives_its_deadline(self) -> None:
        if hasattr(self, "pool"):
            now = self.time.clock.now_seconds
            assert all(one.deadline_at_seconds + 0.2 >= now for one in self.pool._table.leases.values())

    def _collect(self) -> None:
        """Take what was granted; what was refused is one of the pool's own errors."""
        for task in [task for task in self.asking if task.done()]:
            del self.asking[task]
            if task.cancelled():
                continue
            error = task.exception()
            if error is None:
                self.held.append(task.result())
            else:
                assert isinstance(error, BrowserPoolError), error

    def teardown(self) -> None:
        """In calm, and when all is well again, it serves; closed, it leaves nothing."""
        if not hasattr(self, "pool"):
            self.time.loop.close()
            return
        try:
            self._recover()
            self._end()
        finally:
            self.patches.close()

    def _recover(self) -> None:
        self.dial.used_mb, self.world.launches_fail, self.world.opens_hang = 100, 0, False
        for task in list(self.asking):
            task.cancel()
        for lease in self.held:
            self._do(lambda lease=lease: self.pool.release(lease))
        # A browser that hangs is found out by its first lease; a breaker that pauses lets one try when it is over.
        problems = []
        for _ in range(4):
            self.time_passes(120.0)
            last = self.time.start(self._serves())
            self.time.advance(LONGEST_SECONDS)
            if last.exception() is None:
                break
            problems.append(last.exception())
        else:
            raise AssertionError(problems)
        self.time.advance(2 * CLEAN_SECONDS)
        now = self.pool.statistics()
        assert (now.waiting, now.leased, now.cleaning, now.closing) == (0, 0, 0, 0)
        assert not [one for one in self.world.alive if one.is_wedged or one.is_dead], "it was not found out"

    async def _serves(self) -> None:
        self.pool.release(await self.pool.acquire(LeaseRequest("last", deadline_seconds=LONGEST_SECONDS / 2)))

    def _end(self) -> None:
        self._do(self.stop.set)
        self.time.advance(60.0)
        assert self.serving.done(), "the pool does not close"
        self.serving.result()
        assert self.pool._table.contexts == []
        assert self.world.alive == []
        assert self.budget.statistics().reservations == 0
        self.time.close()


TestPoolMachine = PoolMachine.TestCase
TestPoolMachine.settings = settings(
    max_examples=200, stateful_step_count=50, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
