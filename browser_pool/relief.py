"""What the pool gives back when memory is short, rung by rung.

Reclaim and the closing of idle contexts cost those at work nothing. An idle browser that has grown fat is replaced.
In an emergency a page that has run away is ended; else the costliest lease that can be deferred is recalled, down to
the last one: one context at a time is the smallest form of work there is. At the very end the browser is ended,
unless it is so young that this would free nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from browser_pool import wear as browser_wear
from browser_pool.browser import Browser
from browser_pool.context import ContextState, WarmContext
from browser_pool.events import BrowserRecycled, Hooks
from browser_pool.fleet import Fleet
from browser_pool.lease import Lease, LeaseRequest
from browser_pool.reclaim import reclaim
from browser_pool.table import LeaseTable
from browser_pool.wear import wear_of
from memory import ProcessMemory, Rung, Step, mib

FAT = 1.5
"""A browser and its driver that hold so many times what they held when young are worth a launch when memory is short.
The pool replaces one by itself at `PoolSettings.fat_browser`."""

RUNAWAY_TIMES = 3.0
RUNAWAY_SHARE = 0.5
"""In an emergency a page that holds three times what its kind is expected to, or half of the limit, is what caused
it. To recall another one's lease would help for a moment; to leave it alone is to have the kernel choose."""

GONE_SECONDS = 5.0


class PoolRelief:
    """The pool's steps of the ladder."""

    def __init__(
        self,
        table: LeaseTable,
        fleet: Fleet,
        *,
        expected_bytes: Callable[[LeaseRequest], int],
        limit_bytes: Callable[[], int | None],
        tree: Callable[[], tuple[ProcessMemory, ...]],
        retire: Callable[[WarmContext], asyncio.Task[None] | None],
        recall: Callable[[Lease], None],
        hooks: Hooks,
    ) -> None:
        self._table = table
        self._fleet = fleet
        self._expected_bytes = expected_bytes
        self._limit_bytes = limit_bytes
        self._tree = tree
        self._retire = retire
        self._recall = recall
        self._hooks = hooks

    def steps(self) -> tuple[Step, ...]:
        """What to register with the ladder."""
        return (
            Step("reclaim inside Chromium", Rung.RECLAIM, self.reclaim),
            Step("close idle contexts", Rung.CLOSE_IDLE, self.close_idle),
            Step("replace a fat browser", Rung.RECYCLE, self.recycle),
            Step("recall the costliest lease", Rung.REQUEUE, self.requeue),
            Step("end the browser", Rung.RESTART, self.restart),
        )

    async def reclaim(self) -> str:
        """Make pages and browser give memory back while they stay open."""
        contexts = [*self._table.in_state(ContextState.LEASED), *self._table.in_state(ContextState.FREE)]
        return await reclaim([one for one in contexts if not one.is_remote], self._fleet.local_browsers)

    async def close_idle(self) -> str:
        """Close every context that nobody has leased. One that is just being cleaned is idle as well."""
        idle = [*self._table.in_state(ContextState.FREE), *self._table.in_state(ContextState.CLEANING)]
        closing = [self._retire(context) for context in idle if not context.is_remote]
        tasks = [task for task in closing if task is not None]
        if tasks:
            # Not gathered: closing goes on if the ladder is stopped or the step runs out of time.
            await asyncio.wait(tasks)
        return f"closed {len(tasks)} idle contexts"

    async def recycle(self) -> str:
        """End a browser that has grown fat or is not the usual kind, if nobody is at work in it."""
        said = [await self._recycle(browser) for browser in self._fleet.local_browsers]
        return "; ".join(said) or "there is no browser"

    async def _recycle(self, browser: Browser) -> str:
        wear = wear_of(browser, self._tree())
        held = mib(wear.held_bytes)
        is_spare = self._fleet.is_spare(self._fleet.owner_of(browser))
        if not is_spare and not wear.has_grown(FAT):
            return f"the browser is not fat: {held} after {wear.age_seconds:.0f} s"
        at_work = len(self._leases_in(browser))
        if at_work:
            return f"the browser holds {held}, and {at_work} leases are at work in it"
        await self._end(browser, "idle" if is_spare else "fat", wear.held_bytes)
        return f"ended a browser that held {held}; the next lease starts another"

    async def requeue(self) -> str:
        """Recall the lease of a page that has run away; else the one that costs most, unless it is the only one."""
        leases = self._table.leases.values()
        if (lease := runaway(leases, self._expected_bytes, self._limit_bytes())) is not None:
            context, held_bytes = lease.context, lease.context.held_bytes or 0
            lease.blame(held_bytes, self._expected_bytes(lease.request))
            self._recall(lease)
            await self._gone(context)
            return f"ended the page of lease {lease.number} ({lease.request.site}), which held {mib(held_bytes)}"
        lease = costliest_deferrable(leases, self._expected_bytes)
        if lease is None:
            return f"no lease can be deferred ({len(self._table.leases)} at work)"
        context = lease.context
        self._recall(lease)
        await self._gone(context)
        return f"recalled lease {lease.number} ({lease.request.site}, {lease.request.job or 'no job'})"

    async def restart(self) -> str:
        """End the browser that holds most; the leases in it are recalled, and the next one starts another."""
        browsers = self._fleet.local_browsers
        if not browsers:
            return "there is no browser"
        old = [one for one in browsers if one.age_seconds >= browser_wear.YOUNG_SECONDS]
        if not old:
            age = max(one.age_seconds for one in browsers)
            return f"the browser is {age:.0f} s old: to end it would free little"
        browser = max(old, key=lambda one: wear_of(one, self._tree()).held_bytes)
        leases = self._leases_in(browser)
        for lease in leases:
            self._recall(lease)
        await self._end(browser, "memory", wear_of(browser, self._tree()).held_bytes)
        return f"ended the browser, and {len(leases)} leases with it"

    def _leases_in(self, browser: Browser) -> list[Lease]:
        return [lease for lease in self._table.leases.values() if lease.context.browser is browser]

    async def _end(self, browser: Browser, why: str, held_bytes: int) -> None:
        owner = self._fleet.owner_of(browser)
        self._hooks.tell(BrowserRecycled(owner.endpoint.name, why, browser.age_seconds, held_bytes))
        self._table.totals.browsers_recycled += 1
        owner.hand_over(browser)
        self._table.drop_contexts_of(browser)
        await browser.close()

    async def _gone(self, context: WarmContext) -> None:
        """Wait until a context that is being closed is closed: only then its memory is back."""
        async with asyncio.timeout(GONE_SECONDS):
            while context in self._table.contexts:  # noqa: ASYNC110 nobody announces it, and it takes milliseconds
                await asyncio.sleep(0.01)


def runaway(
    leases: Iterable[Lease], expected_bytes: Callable[[LeaseRequest], int], limit_bytes: int | None
) -> Lease | None:
    """The lease whose page holds most, if that is out of all proportion to its kind or to the limit. Decides only."""
    at_work = [lease for lease in leases if not lease.context.is_remote and lease.context.held_bytes]
    lease = max(at_work, key=lambda one: one.context.held_bytes or 0, default=None)
    if lease is None:
        return None
    held_bytes = lease.context.held_bytes or 0
    is_out_of_kind = held_bytes >= RUNAWAY_TIMES * expected_bytes(lease.request)
    is_most_of_all = limit_bytes is not None and held_bytes >= RUNAWAY_SHARE * limit_bytes
    return lease if is_out_of_kind or is_most_of_all else None


def costliest_deferrable(leases: Iterable[Lease], expected_bytes: Callable[[LeaseRequest], int]) -> Lease | None:
    """The lease to recall: the lowest priority, then the highest cost, then the youngest. Never the last one."""
    at_work = [lease for lease in leases if not lease.context.is_remote]
    if len(at_work) < 2:
        return None
    deferrable = (lease for lease in at_work if lease.request.is_deferrable)
    return min(
        deferrable,
        key=lambda lease: (lease.request.priority, -expected_bytes(lease.request), -lease.granted_seconds),
        default=None,
    )
