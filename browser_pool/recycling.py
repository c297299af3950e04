"""Replacing a browser that is worn, while others work in it.

Wear is measured: how old a browser is, and what it and its driver hold beside the pages. A worn one drains: its idle
contexts are closed, those at work stay until their leases end, and new leases go to a new browser. Where there is
memory for both at once, the new one starts right away; where there is not, those who wait are served when the old
one is empty. It takes the Node driver along, which grows as well.

A browser of a kind that leases get only if they ask for it is given up when nobody has asked for a while.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

from browser_pool import wear as browser_wear
from browser_pool.browser import Browser, BrowserState
from browser_pool.context import ContextState
from browser_pool.events import BrowserRecycled, Hooks
from browser_pool.fleet import Fleet
from browser_pool.owner import BrowserOwner
from browser_pool.reaper import Reaper
from browser_pool.settings import PoolSettings
from browser_pool.table import LeaseTable
from browser_pool.wear import wear_of
from memory import ProcessMemory


class Recycler:
    """Sees worn browsers out. `has_room` tells whether another browser would fit beside those there are."""

    def __init__(
        self,
        table: LeaseTable,
        fleet: Fleet,
        reaper: Reaper,
        settings: PoolSettings,
        *,
        tree: Callable[[], tuple[ProcessMemory, ...]],
        has_room: Callable[[], bool],
        spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
        hooks: Hooks,
    ) -> None:
        self._table = table
        self._fleet = fleet
        self._reaper = reaper
        self._settings = settings
        self._tree = tree
        self._has_room = has_room
        self._spawn = spawn
        self._hooks = hooks
        self._used_at_seconds: dict[Browser, float] = {}
        self.draining: list[Browser] = []

    def must_wait(self, owner: BrowserOwner) -> bool:
        """Whether no lease may start there now: its old browser drains, and a new one would not fit beside it."""
        drains = any(self._fleet.owner_of(browser) is owner for browser in self.draining)
        return drains and owner.must_launch and not self._has_room()

    def look(self) -> None:
        """Begin to drain a browser that is worn, give up one that nobody uses, and end those that are empty."""
        for owner in self._fleet.owners:
            if owner.browser is not None:
                self._look_at(owner, owner.browser)
        for browser in [one for one in self.draining if self._is_empty(one)]:
            self.draining.remove(browser)
            self._spawn(browser.close())

    async def close(self) -> None:
        """End those that are draining."""
        leaving, self.draining = self.draining, []
        await asyncio.gather(*(browser.close() for browser in leaving))

    def _look_at(self, owner: BrowserOwner, browser: Browser) -> None:
        wear = wear_of(browser, self._tree())
        if browser.settled_bytes is None and wear.age_seconds >= browser_wear.YOUNG_SECONDS:
            browser.settled_bytes = wear.held_bytes or None
        drains_already = any(self._fleet.owner_of(one) is owner for one in self.draining)
        if wear.is_worn(self._settings) and not drains_already:
            self._drain(owner, browser, "worn", wear.held_bytes)
        elif self._is_idle(owner, browser):
            self._drain(owner, browser, "idle", wear.held_bytes)

    def _is_idle(self, owner: BrowserOwner, browser: Browser) -> bool:
        """Whether it is of a kind that has to be asked for, and nobody has, for long enough."""
        if not self._fleet.is_spare(owner):
            return False
        now_seconds = time.monotonic()
        in_use = any(
            context.source is owner and context.state is ContextState.LEASED for context in self._table.contexts
        )
        if in_use or browser not in self._used_at_seconds:
            known = (one for one in self._used_at_seconds if one.state is not BrowserState.CLOSED)
            self._used_at_seconds = {one: self._used_at_seconds[one] for one in known} | {browser: now_seconds}
        return now_seconds - self._used_at_seconds[browser] >= self._settings.idle_browser_seconds

    def _drain(self, owner: BrowserOwner, browser: Browser, why: str, held_bytes: int) -> None:
        self._hooks.tell(BrowserRecycled(owner.endpoint.name, why, browser.age_seconds, held_bytes))
        self._table.totals.browsers_recycled += 1
        self.draining.append(browser)
        browser.state = BrowserState.DRAINING
        owner.hand_over(browser)
        for context in self._table.in_state(ContextState.FREE):
            if context.browser is browser:
                self._reaper.retire(context)

    def _is_empty(self, browser: Browser) -> bool:
        return not any(context.browser is browser for context in self._table.contexts)
