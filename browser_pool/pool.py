"""UnifiedBrowserPool: the gate in front of the browser.

The way of a lease, from top to bottom of this file: `acquire` joins the queue; `_dispatch` serves the head of the
queue when there is a slot and its memory could be reserved; the context is opened or taken warm; the caller works
until `release` or the deadline; a reaper cleans the context, or closes it, while the next is being served.

Releasing never waits for Chromium: memory and slot go back at once, and what has to be closed is closed behind the
caller's back, within bounds.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import Any, Self

import structlog
from playwright.async_api import Error as PlaywrightError

from browser_pool.browser import Browser, BrowserState
from browser_pool.context import ContextState, WarmContext
from browser_pool.errors import BrowserGone, LeaseEnded, LeaseRecalled
from browser_pool.identity import DEFAULT_IDENTITY, Identity
from browser_pool.learning import CostLearner
from browser_pool.lease import Lease, LeaseRequest
from browser_pool.owner import BrowserOwner
from browser_pool.reaper import Reaper
from browser_pool.recycling import Recycler
from browser_pool.relief import PoolRelief
from browser_pool.settings import PoolSettings
from browser_pool.table import CloseContext, LeaseTable, PoolStatistics, UseContext, Waiter, WaitForSlot
from browser_pool.wear import wear_of
from memory import (
    Admission,
    Component,
    Level,
    LimitTooLow,
    MemoryGuard,
    Patience,
    Reading,
    Reservation,
    Rung,
)

log = structlog.get_logger()

PATIENCE = Patience(first_seconds=2.0, most_seconds=16.0)
ALONE_SECONDS = 0.5
CLOSING = ("closed", "the pool is closing")


class UnifiedBrowserPool:
    """Hands out Chromium contexts, each only after its memory has been reserved.

    `async with UnifiedBrowserPool() as pool: async with pool.lease(site="x") as lease: page = lease.page`

    Without a `guard` it makes its own. Raises `ChromiumNotFound`, `LaunchFailed` or `LimitTooLow` when
    it is entered.
    """

    def __init__(
        self,
        settings: PoolSettings | None = None,
        *,
        guard: MemoryGuard | None = None,
    ) -> None:
        self.settings = settings or PoolSettings()
        self._owns_guard = guard is None
        self._guard = guard or MemoryGuard()
        self._monitor = self._guard.monitor
        self._budget = self._guard.budget
        self._table = LeaseTable(self.settings, self._memory_is_tight)
        self._owner = BrowserOwner(
            self.settings,
            limit_bytes=lambda: self._monitor.check_memory().limit_bytes,
            on_launched=self._count_launch,
            on_lost=self._forget_browser,
        )
        self._reaper = Reaper(
            self._table,
            self._owner,
            within_seconds=self.settings.clean_seconds,
            spawn=self._spawn,
            on_done=self._dispatch,
        )
        self._learner = CostLearner(self._guard.costs, self._budget, self.settings.context_cost_bytes)
        self._recycler = Recycler(
            self._table,
            self._owner,
            self._reaper,
            self.settings,
            tree=lambda: self._monitor.tree,
            has_room=self._has_room_for_another,
            spawn=self._spawn,
        )
        self._relief = PoolRelief(
            self._table,
            self._owner,
            expected_bytes=self._learner.expected_bytes,
            tree=lambda: self._monitor.tree,
            retire=self._reaper.retire,
            recall=self._recall,
        )
        self._is_closing = False
        self._climbing: asyncio.Task[None] | None = None
        self._climb_pause_seconds = 0.0
        self._climbed_at_seconds = 0.0
        self._stack = AsyncExitStack()
        self._group: asyncio.TaskGroup | None = None

    async def __aenter__(self) -> Self:
        self._refuse_hopeless_limit()
        async with AsyncExitStack() as stack:
            if self._owns_guard:
                await stack.enter_async_context(self._guard)
            self._group = await asyncio.TaskGroup().__aenter__()
            # Left without the error that may be on its way: a task group would wrap it, and callers want it bare.
            stack.push_async_callback(self._group.__aexit__, None, None, None)
            stack.push_async_callback(self._shut)
            for step in self._relief.steps():
                stack.callback(self._guard.register(step))
            stack.callback(self._monitor.on_look(self._on_look))
            await self._owner.serving()
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._stack.aclose()

    @asynccontextmanager
    async def lease(
        self,
        *,
        site: str = "",
        identity: Identity = DEFAULT_IDENTITY,
        priority: int = 0,
        deadline: float = 120.0,
        isolation: str = "warm",
        job: str = "",
    ) -> AsyncIterator[Lease]:
        """A context for the body of the `async with`, for `deadline` seconds in all, waiting included.

        `isolation="fresh"` gives a context that nobody used before and nobody will use after.

        Raises `LeaseRefused` if none could be had in time, `LeaseEnded` if the body was still running at the
        deadline, and `LeaseRecalled` if its memory was needed more urgently; the body is cancelled then.
        """
        if isolation not in {"warm", "fresh"}:
            raise ValueError(f'isolation is "warm" or "fresh", not {isolation!r}')
        request = LeaseRequest(site, identity, priority, deadline, isolation == "fresh", job)
        lease = await self.acquire(request)
        limit = asyncio.timeout_at(lease.deadline_at_seconds)
        try:
            async with limit:
                with _recalling(lease, limit):
                    yield lease
        except TimeoutError:
            if not limit.expired():
                raise
            lease.is_spoiled = True
            if lease.is_recalled:
                raise LeaseRecalled(lease.number, site) from None
            raise LeaseEnded(f"the deadline of {deadline:.0f} s has passed (lease {lease.number}, {site})") from None
        except (asyncio.CancelledError, BrowserGone, PlaywrightError) as error:
            lease.is_spoiled = True
            if lease.is_recalled and not isinstance(error, asyncio.CancelledError):
                raise LeaseRecalled(lease.number, site) from None
            raise
        finally:
            self.release(lease)

    async def acquire(self, request: LeaseRequest) -> Lease:
        """Wait for a context and lease it. What is acquired must be released; at its deadline it is taken back.

        Raises `LeaseRefused`, whose reason says what was missing: memory, slot, queue_full, browser or closed.
        """
        if self._group is None or self._is_closing:
            raise self._table.refusal("closed", "the pool is not open", 0.0)
        waiter = self._table.enqueue(request)
        try:
            async with asyncio.timeout_at(waiter.deadline_at_seconds) as limit:
                self._dispatch()
                lease = await waiter.granted
                with _recalling(lease, limit):
                    lease.expiry = asyncio.get_running_loop().call_at(lease.deadline_at_seconds, self._expire, lease)
                    await self._make_real(lease.context)
        except TimeoutError:
            if waiter.is_granted and waiter.granted.result().is_recalled:
                raise LeaseRecalled(waiter.number, request.site) from None
            reason, detail = ("browser", "it did not open in time") if waiter.is_granted else waiter.held_up_by
            self._abandon(waiter)
            raise self._table.refusal(reason, detail, time.monotonic() - waiter.asked_seconds) from None
        except BrowserGone:
            self._abandon(waiter)
            if self._is_closing:
                raise self._table.refusal(*CLOSING, time.monotonic() - waiter.asked_seconds) from None
            raise
        except BaseException:
            self._abandon(waiter)
            raise
        return lease

    def release(self, lease: Lease) -> None:
        """Give a lease back. Never waits for Chromium; twice is harmless."""
        if lease.is_over:
            return
        lease.is_over = True
        if lease.expiry is not None:
            lease.expiry.cancel()
        self._table.leases.pop(lease.number, None)
        self._learner.learn(lease)
        self._budget.release(lease.reservation)
        context = lease.context
        if context.browser is None or context.browser.state is BrowserState.CLOSED:
            self._table.drop_context(context)
        elif lease.is_spoiled or lease.request.is_fresh or self._table.is_worn(context) or context.is_leaving:
            self._owner.notice_death()
            self._reaper.retire(context)
        else:
            self._reaper.clean(context)
        self._dispatch()

    def statistics(self) -> PoolStatistics:
        """The pool at this moment, computed from the lease table."""
        return self._table.statistics()

    @property
    def browser(self) -> Browser | None:
        """The browser that serves now, if one does."""
        return self._owner.browser

    # Admission

    def _dispatch(self) -> None:
        """Serve the queue from its head for as long as there is something to give. Never waits."""
        while self._group is not None and not self._is_closing and not self._monitor.ladder.is_running:
            waiter = self._table.head()
            if waiter is None:
                return
            held_up_by = self._serve(waiter)
            if held_up_by is not None:
                waiter.held_up_by = held_up_by
                return

    def _serve(self, waiter: Waiter) -> tuple[str, str] | None:
        """Grant `waiter` a context, or say what it has to wait for."""
        if self._recycler.must_wait:
            return "memory", "a worn browser is being replaced, and two do not fit side by side"
        choice = self._table.choose(waiter.request)
        if isinstance(choice, WaitForSlot):
            return "slot", choice.detail
        if isinstance(choice, CloseContext):
            self._reaper.retire(choice.context)
            return "slot", "an idle context of another site is being closed"
        need = self._learner.need_bytes(waiter.request, choice.context if isinstance(choice, UseContext) else None)
        reservation, admission = self._reserve(waiter, need)
        if reservation is None:
            self._ask_for_memory(waiter, need)
            return "memory", admission.reason
        context = choice.context if isinstance(choice, UseContext) else self._table.add_context(waiter.request)
        waiter.granted.set_result(self._table.grant(waiter, context, reservation))
        return None

    def _reserve(self, waiter: Waiter, need_bytes: int) -> tuple[Reservation | None, Admission]:
        terms: dict[str, Any] = {
            "owner": f"lease {waiter.number}",
            "component": Component.BROWSER,
            "deadline_at_seconds": waiter.deadline_at_seconds + self.settings.clean_seconds,
        }
        reading = self._monitor.check_memory()
        reservation, admission = self._budget.reserve(reading, need_bytes, **terms)
        is_alone = not self._table.leases
        if reservation is None and is_alone and waiter.ladder_was_climbed and reading.level < Level.EMERGENCY:
            # The ladder has given back what it could and nobody else is at work: to wait longer is to wait for ever.
            # One context at a time is the smallest form of work there is.
            self._table.totals.granted_alone += 1
            log.info("lease.granted_alone", lease=waiter.number, arithmetic=admission.reason)
            return self._budget.debit(need_bytes, **terms), admission
        return reservation, admission

    def _ask_for_memory(self, waiter: Waiter, need_bytes: int) -> None:
        """Have the ladder climbed until `need_bytes` are free, one climb at a time.

        Where a climb has just brought nothing there is not another at once, the less so while others are at work
        who will give back.
        """
        if self._climbing is not None and not self._climbing.done():
            return
        pause = self._climb_pause_seconds if self._table.leases else min(self._climb_pause_seconds, ALONE_SECONDS)
        if time.monotonic() < self._climbed_at_seconds + pause:
            return
        self._climbing = self._spawn(self._climb(waiter, need_bytes))

    async def _climb(self, waiter: Waiter, need_bytes: int) -> None:
        # What others hold at work is not taken for one who waits: above this rung only the level decides.
        report = await self._guard.make_room(
            need_bytes,
            f"lease {waiter.number} needs memory",
            component=Component.BROWSER,
            highest=Rung.RECYCLE,
            at_once=True,
        )
        self._climb_pause_seconds = PATIENCE.after(
            self._climb_pause_seconds, is_calm=report is not None and report.is_calm
        )
        self._climbed_at_seconds = time.monotonic()
        waiter.ladder_was_climbed = True
        self._dispatch()

    def _abandon(self, waiter: Waiter) -> None:
        """The one who asked is gone: leave the queue, and give back what was granted in the same moment."""
        self._table.leave(waiter)
        if waiter.is_granted:
            lease = waiter.granted.result()
            lease.is_spoiled = True
            self.release(lease)

    def _expire(self, lease: Lease) -> None:
        """The deadline has passed. Closing the context ends whatever still waits for its page."""
        self._table.totals.expired += 1
        log.warning("lease.expired", lease=lease.number, site=lease.request.site, job=lease.request.job)
        lease.is_spoiled = True
        self.release(lease)

    def _recall(self, lease: Lease) -> None:
        """Take a lease back although its deadline has not come: its memory is needed more urgently."""
        if lease.is_over:
            return
        self._table.totals.recalled += 1
        log.warning("lease.recalled", lease=lease.number, site=lease.request.site, job=lease.request.job)
        lease.is_spoiled = lease.is_recalled = True
        if lease.on_recall is not None:
            lease.on_recall()
        self.release(lease)

    # Browsers and contexts

    async def _make_real(self, context: WarmContext) -> None:
        """Open the context if it is new. A browser that turns out to be dead is replaced once."""
        if context.browser is not None:
            return
        try:
            await context.open(await self._owner.serving())
        except BrowserGone:
            self._owner.notice_death()
            await context.open(await self._owner.serving())

    def _count_launch(self) -> None:
        self._table.totals.browser_launches += 1
        self._learner.promise_growth()

    def _forget_browser(self, browser: Browser) -> None:
        """A browser is gone, and its contexts with it. Leases on it end with `BrowserGone` at their next step."""
        self._table.totals.browsers_lost += 1
        self._table.drop_contexts_of(browser)
        self._spawn(browser.close())

    # Memory

    def _refuse_hopeless_limit(self) -> None:
        reading = self._monitor.check_memory()
        if reading.binding is None:
            return
        needed = self.settings.launch_cost_bytes + reading.binding.used_bytes
        if reading.binding.limit_bytes < needed:
            raise LimitTooLow(reading.binding.limit_bytes, needed, reading.binding.source)

    def _memory_is_tight(self) -> bool:
        return not self._monitor.is_calm(self._monitor.check_memory())

    def _on_look(self, _reading: Reading) -> None:
        """Learn what contexts cost, notice a browser that is gone, serve those for whom there is memory now."""
        idle = self._table.in_state(ContextState.FREE)
        self._learner.look(self._table.leases.values(), idle, self._monitor.tree)
        self._owner.notice_death()
        # While another drains, the process tree does not tell whose process is whose.
        if self._owner.browser is not None and self._recycler.draining is None:
            self._learner.look_at_browser(wear_of(self._owner.browser, self._monitor.tree))
        self._recycler.look()
        self._dispatch()

    def _has_room_for_another(self) -> bool:
        reading = self._monitor.check_memory()
        return self._budget.decide(reading, self.settings.launch_cost_bytes, Component.BROWSER).is_safe

    # Background

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        if self._group is None:
            raise RuntimeError("the pool is not open")
        return self._group.create_task(work)

    async def _shut(self) -> None:
        """Refuse who waits, take back what is leased, end the browser."""
        self._is_closing = True
        for waiter in list(self._table.waiters):
            self._table.leave(waiter)
            waited = time.monotonic() - waiter.asked_seconds
            if not waiter.granted.done():
                waiter.granted.set_exception(self._table.refusal(*CLOSING, waited))
        for lease in list(self._table.leases.values()):
            lease.is_spoiled = True
            self.release(lease)
        if self._climbing is not None:
            self._climbing.cancel()
        self._learner.forget_growth()
        await self._recycler.close()
        await self._owner.close()
        for context in list(self._table.contexts):
            self._table.drop_context(context)
        self._group = None


@contextmanager
def _recalling(lease: Lease, limit: asyncio.Timeout) -> Iterator[None]:
    """Inside, a recall ends what `limit` stands around, as its time would."""
    lease.on_recall = lambda: limit.reschedule(time.monotonic())
    if lease.is_recalled:
        lease.on_recall()
    try:
        yield
    finally:
        lease.on_recall = None
