"""UnifiedBrowserPool: the gate in front of the browser.

The way of a lease, from top to bottom of this file: `acquire` joins the queue; the gate serves its head when there is
a slot and its memory could be reserved; the context is opened or taken warm; the caller works until `release` or the
deadline; a reaper cleans the context, or closes it, while the next is being served.

Releasing never waits for Chromium: memory and slot go back at once, and what has to be closed is closed behind the
caller's back, within bounds.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import replace
from typing import Any, Self

from browser_pool.browser import Browser, BrowserState
from browser_pool.context import ContextState
from browser_pool.errors import BrowserGone, LeaseEnded
from browser_pool.events import AddressQuarantined, Hook, Hooks, LeaseOver
from browser_pool.fleet import Fleet
from browser_pool.gate import Gate
from browser_pool.identity import DEFAULT_IDENTITY, Identity
from browser_pool.instrumentation.logs import log_event
from browser_pool.learning import CostLearner
from browser_pool.lease import Lease, LeaseRequest
from browser_pool.quarantine import Quarantine
from browser_pool.reaper import Reaper
from browser_pool.recycling import Recycler
from browser_pool.relief import PoolRelief
from browser_pool.renderers import Renderers
from browser_pool.settings import PoolSettings
from browser_pool.table import LeaseTable, PoolStatistics, Waiter
from browser_pool.view import PoolView, view_of
from browser_pool.wear import wear_of
from memory import Component, LimitTooLow, MemoryGuard, Reading, total_bytes

CLOSING = ("closed", "the pool is closing")


class UnifiedBrowserPool:
    """Hands out Chromium contexts, each only after its memory has been reserved.

    `async with UnifiedBrowserPool() as pool: async with pool.lease(site="x") as lease: page = lease.page`

    Without a `guard` it makes its own. `hooks` are told what happens, see `events`; by default it is logged. Raises
    `ChromiumNotFound`, `LaunchFailed` or `LimitTooLow` when it is entered.
    """

    def __init__(
        self,
        settings: PoolSettings | None = None,
        *,
        guard: MemoryGuard | None = None,
        hooks: Iterable[Hook] = (log_event,),
    ) -> None:
        self.settings = settings or PoolSettings()
        self._owns_guard = guard is None
        self._guard = guard or MemoryGuard()
        self._monitor = self._guard.monitor
        self._budget = self._guard.budget
        self._hooks = Hooks(hooks)
        self._table = LeaseTable(
            self.settings,
            self._memory_is_tight,
            quarantine=Quarantine(
                self.settings.deaths_per_url,
                self.settings.quarantine_seconds,
                on_quarantined=lambda url, deaths: self._hooks.tell(AddressQuarantined(url, deaths)),
            ),
            hooks=self._hooks,
        )
        self._renderers = Renderers(self._spawn)
        self._learner = CostLearner(self._guard.costs, self._budget, self.settings)
        self._fleet = Fleet(
            self.settings,
            limit_bytes=lambda: self._monitor.check_memory().limit_bytes,
            on_launched=self._count_launch,
            on_lost=self._forget_browser,
            hooks=self._hooks,
        )
        self._reaper = Reaper(
            self._table,
            self._fleet,
            within_seconds=self.settings.clean_seconds,
            spawn=self._spawn,
            on_done=self._dispatch,
        )
        self._recycler = Recycler(
            self._table,
            self._fleet,
            self._reaper,
            self.settings,
            tree=lambda: self._monitor.tree,
            has_room=self._has_room_for_another,
            spawn=self._spawn,
            hooks=self._hooks,
        )
        self._gate = Gate(
            self._table,
            self._fleet,
            self._guard,
            self.settings,
            reaper=self._reaper,
            recycler=self._recycler,
            learner=self._learner,
            spawn=self._spawn,
            hooks=self._hooks,
        )
        self._relief = PoolRelief(
            self._table,
            self._fleet,
            expected_bytes=self._learner.expected_bytes,
            limit_bytes=lambda: self._monitor.check_memory().limit_bytes,
            tree=lambda: self._monitor.tree,
            retire=self._reaper.retire,
            recall=self._recall,
            hooks=self._hooks,
        )
        self._is_closing = False
        self._stack = AsyncExitStack()
        self._group: asyncio.TaskGroup | None = None

    async def __aenter__(self) -> Self:
        has_room = await self._has_room()
        async with AsyncExitStack() as stack:
            if self._owns_guard:
                await stack.enter_async_context(self._guard)
            stack.callback(self._forget_group)
            self._group = await asyncio.TaskGroup().__aenter__()
            # Left without the error that may be on its way: a task group would wrap it, and callers want it bare.
            stack.push_async_callback(self._group.__aexit__, None, None, None)
            stack.push_async_callback(self._shut)
            for step in self._relief.steps():
                stack.callback(self._guard.register(step))
            stack.callback(self._monitor.on_look(self._on_look))
            if has_room:
                await self._fleet.warm_up()
            self._gate.open()
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
        needs_page: bool | None = None,
    ) -> AsyncIterator[Lease]:
        """A context for the body of the `async with`, for `deadline` seconds in all, waiting included.

        `isolation="fresh"` gives a context that nobody used before and nobody will use after. With
        `needs_page=False` there is no `lease.page`, only the verbs of a lane, and no Node driver for them; by default
        the settings say.

        Raises `LeaseRefused` if none could be had in time, `LeaseEnded` if the body was still running at the
        deadline, and `LeaseRecalled` if its memory was needed more urgently; the body is cancelled then.
        """
        if isolation not in {"warm", "fresh"}:
            raise ValueError(f'isolation is "warm" or "fresh", not {isolation!r}')
        request = LeaseRequest(site, identity, priority, deadline, isolation == "fresh", job, needs_page=needs_page)
        lease = await self.acquire(request)
        limit = asyncio.timeout_at(lease.deadline_at_seconds)
        try:
            async with limit:
                with _recalling(lease, limit):
                    yield lease
        except TimeoutError:
            lease.is_spoiled |= lease.page_was_used or limit.expired()
            if not limit.expired():
                raise
            raise lease.ended() from None
        except (asyncio.CancelledError, Exception) as error:
            # Whose page was handed out, nobody knows what state it is in after an error.
            lease.is_spoiled |= lease.page_was_used or isinstance(error, asyncio.CancelledError | BrowserGone)
            if lease.is_recalled and not isinstance(error, asyncio.CancelledError):
                raise lease.ended() from None
            raise
        else:
            if lease.is_expired or lease.is_recalled:
                # The body has kept the news to itself.
                raise lease.ended()
        finally:
            self.release(lease)

    async def acquire(self, request: LeaseRequest) -> Lease:
        """Wait for a context and lease it. What is acquired must be released; at its deadline it is taken back.

        Raises `LeaseRefused`, whose reason says what was missing: memory, slot, queue_full, browser or closed.
        """
        if self._group is None or self._is_closing:
            raise self._table.refusal(request, "closed", "the pool is not open", 0.0)
        if request.needs_page is None:
            request = replace(request, needs_page=self.settings.needs_page)
        waiter = self._table.enqueue(request)
        try:
            async with asyncio.timeout_at(waiter.deadline_at_seconds) as limit:
                self._dispatch()
                lease = await waiter.granted
                with _recalling(lease, limit):
                    lease.expiry = asyncio.get_running_loop().call_at(lease.deadline_at_seconds, self._expire, lease)
                    await self._fleet.open(lease.context, self._table.contexts, needs_page=bool(request.needs_page))
        except TimeoutError:
            if waiter.is_granted and waiter.granted.result().is_recalled:
                raise waiter.granted.result().ended() from None
            reason, detail = ("browser", "it did not open in time") if waiter.is_granted else waiter.held_up_by
            self._abandon(waiter)
            raise self._table.refusal(request, reason, detail, time.monotonic() - waiter.asked_seconds) from None
        except BrowserGone:
            self._abandon(waiter)
            if self._is_closing:
                raise self._table.refusal(request, *CLOSING, time.monotonic() - waiter.asked_seconds) from None
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
        if not lease.context.is_remote:
            self._learner.learn(lease)
        self._budget.release(lease.reservation)
        if not lease.is_spoiled:
            lease.survived()
        context = lease.context
        if context.browser is None or context.browser.state is BrowserState.CLOSED:
            self._table.drop_context(context)
        elif lease.is_spoiled or lease.request.is_fresh or self._table.is_worn(context) or context.is_leaving:
            self._fleet.notice_deaths()
            self._reaper.retire(context)
        else:
            self._reaper.clean(context)
        self._tell_over(lease)
        self._dispatch()

    def statistics(self) -> PoolStatistics:
        """The pool at this moment, computed from the lease table."""
        return self._table.statistics()

    def view(self) -> PoolView:
        """The same, with each lease and each waiter."""
        return view_of(self._table)

    async def picture(self, number: int) -> bytes:
        """What the page of a lease shows now, as WebP, while it is at work. Raises `BrowserPoolError`.

        Whoever looks does no harm: a picture that fails says nothing against the lease.
        """
        lease = self._table.leases.get(number)
        if lease is None:
            raise LeaseEnded(f"lease {number} is over")
        return await lease.context.lane.screenshot()

    @property
    def browser(self) -> Browser | None:
        """A browser that serves now, if one does: of several the first."""
        serving = (owner.browser for owner in self._fleet.owners)
        return next((browser for browser in serving if browser is not None), None)

    def quarantined(self) -> tuple[str, ...]:
        """The addresses that are left alone now, because the browser has died under them too often."""
        return self._table.quarantine.quarantined()

    def on_event(self, hook: Hook) -> Callable[[], None]:
        """Tell `hook` what happens from now on; returns what ends that. See `events`."""
        return self._hooks.add(hook)

    def _dispatch(self) -> None:
        self._gate.dispatch()

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
        lease.is_spoiled = lease.is_expired = True
        self.release(lease)

    def _recall(self, lease: Lease) -> None:
        """Take a lease back although its deadline has not come: its memory is needed more urgently."""
        if lease.is_over:
            return
        self._table.totals.recalled += 1
        lease.is_spoiled = lease.is_recalled = True
        if lease.on_recall is not None:
            lease.on_recall()
        self.release(lease)

    # Browsers and contexts

    def _count_launch(self, browser: Browser) -> None:
        self._table.totals.browser_launches += 1
        self._learner.promise_growth(self._fleet.owner_of(browser))

    def _forget_browser(self, browser: Browser) -> None:
        """A browser is gone, and its contexts with it. Leases on it end with `BrowserGone` at their next step."""
        self._table.totals.browsers_lost += 1
        for lease in self._table.leases.values():
            if lease.context.browser is browser:
                lease.died()
        self._table.drop_contexts_of(browser)
        self._learner.forget_growth(self._fleet.owner_of(browser))
        self._spawn(browser.close())

    def _tell_over(self, lease: Lease) -> None:
        if lease.is_recalled:
            how = "recalled"
        elif lease.is_expired:
            how = "expired"
        else:
            how = "spoiled" if lease.is_spoiled else "released"
        held_seconds = time.monotonic() - lease.granted_seconds
        pages = lease.context.pages - lease.pages_before
        self._hooks.tell(LeaseOver(lease.number, lease.request.site, lease.request.job, how, held_seconds, pages))

    # Memory

    async def _has_room(self) -> bool:
        """Whether a browser may be launched before anybody needs it. If not, the first lease waits until it may.

        Raises `LimitTooLow` where there would be no room even if we were alone: what others take, they may give back.
        """
        binding = self._monitor.check_memory().binding
        if binding is None or not any(one.is_local for one in self.settings.endpoints):
            return True
        cost = self.settings.launch_cost_bytes
        if binding.limit_bytes >= cost + binding.used_bytes:
            return True
        needed = cost + min(binding.used_bytes, total_bytes(await self._monitor.process_tree()))
        if binding.limit_bytes < needed:
            raise LimitTooLow(binding.limit_bytes, needed, binding.source)
        return False

    def _memory_is_tight(self) -> bool:
        return not self._monitor.is_calm(self._monitor.check_memory())

    def _on_look(self, _reading: Reading) -> None:
        """Learn what contexts cost, notice a browser that is gone, serve those for whom there is memory now."""
        idle = [context for context in self._table.in_state(ContextState.FREE) if not context.is_remote]
        self._renderers.look(self._table.contexts)
        self._learner.look(self._table.leases.values(), idle, self._monitor.tree)
        self._fleet.notice_deaths()
        for browser in self._fleet.local_browsers:
            self._learner.look_at_browser(
                self._fleet.owner_of(browser), browser, wear_of(browser, self._monitor.tree)
            )
        self._forget_promises()
        self._recycler.look()
        self._dispatch()

    def _forget_promises(self) -> None:
        """No memory stays promised to a browser that is not there and that nobody is waiting for."""
        awaited = {lease.context.source for lease in self._table.leases.values() if lease.context.browser is None}
        for owner in self._fleet.owners:
            if owner.browser is None and not owner.is_launching and owner not in awaited:
                self._learner.forget_growth(owner)

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
                waiter.granted.set_exception(self._table.refusal(waiter.request, *CLOSING, waited))
        for lease in list(self._table.leases.values()):
            lease.is_spoiled = True
            self.release(lease)
        self._gate.shut()
        for owner in self._fleet.owners:
            self._learner.forget_growth(owner)
        await self._recycler.close()
        await self._fleet.close()
        for context in list(self._table.contexts):
            self._table.drop_context(context)

    def _forget_group(self) -> None:
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
