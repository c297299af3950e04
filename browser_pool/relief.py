"""What the pool gives back when memory is short, rung by rung.

Reclaim and the closing of idle contexts cost those at work nothing. An idle browser that has grown fat is replaced.
In an emergency the costliest lease that can be deferred is recalled, down to the last one: one context at a time is
the smallest form of work there is. At the very end the browser is ended, unless it is so young that this would free
nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from browser_pool import wear as browser_wear
from browser_pool.browser import Browser
from browser_pool.context import ContextState, WarmContext
from browser_pool.lease import Lease, LeaseRequest
from browser_pool.owner import BrowserOwner
from browser_pool.reclaim import reclaim
from browser_pool.table import LeaseTable
from browser_pool.wear import wear_of
from memory import ProcessMemory, Rung, Step, mib

FAT = 1.5
"""A browser and its driver that hold so many times what they held when young are worth a launch when memory is short.
The pool replaces one by itself at `PoolSettings.fat_browser`."""

GONE_SECONDS = 5.0


class PoolRelief:
    """The pool's steps of the ladder."""

    def __init__(
        self,
        table: LeaseTable,
        owner: BrowserOwner,
        *,
        expected_bytes: Callable[[LeaseRequest], int],
        tree: Callable[[], tuple[ProcessMemory, ...]],
        retire: Callable[[WarmContext], asyncio.Task[None] | None],
        recall: Callable[[Lease], None],
    ) -> None:
        self._table = table
        self._owner = owner
        self._expected_bytes = expected_bytes
        self._tree = tree
        self._retire = retire
        self._recall = recall

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
        return await reclaim(contexts, self._owner.browser)

    async def close_idle(self) -> str:
        """Close every context that nobody has leased. One that is just being cleaned is idle as well."""
        idle = [*self._table.in_state(ContextState.FREE), *self._table.in_state(ContextState.CLEANING)]
        closing = [self._retire(context) for context in idle]
        tasks = [task for task in closing if task is not None]
        if tasks:
            # Not gathered: closing goes on if the ladder is stopped or the step runs out of time.
            await asyncio.wait(tasks)
        return f"closed {len(tasks)} idle contexts"

    async def recycle(self) -> str:
        """Replace a browser that has grown fat, if nobody is at work in it."""
        browser = self._owner.browser
        if browser is None:
            return "there is no browser"
        wear = wear_of(browser, self._tree())
        held = mib(wear.held_bytes)
        if not wear.has_grown(FAT):
            return f"the browser is not fat: {held} after {wear.age_seconds:.0f} s"
        if self._table.leases:
            return f"the browser is fat ({held}), and {len(self._table.leases)} leases are at work in it"
        self._table.totals.browsers_recycled += 1
        await self._end(browser)
        return f"ended a browser that held {held}; the next lease starts another"

    async def requeue(self) -> str:
        """Recall the lease that costs most, unless it is the only one."""
        lease = costliest_deferrable(self._table.leases.values(), self._expected_bytes)
        if lease is None:
            return f"no lease can be deferred ({len(self._table.leases)} at work)"
        context = lease.context
        self._recall(lease)
        await self._gone(context)
        return f"recalled lease {lease.number} ({lease.request.site}, {lease.request.job or 'no job'})"

    async def restart(self) -> str:
        """End the browser; the leases in it are recalled, and the next one starts another."""
        browser = self._owner.browser
        if browser is None:
            return "there is no browser"
        if browser.age_seconds < browser_wear.YOUNG_SECONDS:
            return f"the browser is {browser.age_seconds:.0f} s old: to end it would free little"
        leases = list(self._table.leases.values())
        for lease in leases:
            self._recall(lease)
        self._table.totals.browsers_recycled += 1
        await self._end(browser)
        return f"ended the browser, and {len(leases)} leases with it"

    async def _end(self, browser: Browser) -> None:
        self._owner.hand_over(browser)
        self._table.drop_contexts_of(browser)
        await browser.close()

    async def _gone(self, context: WarmContext) -> None:
        """Wait until a context that is being closed is closed: only then its memory is back."""
        async with asyncio.timeout(GONE_SECONDS):
            while context in self._table.contexts:  # noqa: ASYNC110 nobody announces it, and it takes milliseconds
                await asyncio.sleep(0.01)


def costliest_deferrable(leases: Iterable[Lease], expected_bytes: Callable[[LeaseRequest], int]) -> Lease | None:
    """The lease to recall: the lowest priority, then the highest cost, then the youngest. Never the last one."""
    at_work = list(leases)
    if len(at_work) < 2:
        return None
    deferrable = (lease for lease in at_work if lease.request.is_deferrable)
    return min(
        deferrable,
        key=lambda lease: (lease.request.priority, -expected_bytes(lease.request), -lease.granted_seconds),
        default=None,
    )
