"""Replacing a browser that is worn, while others work in it.

Wear is measured: how old a browser is, and what it and its driver hold beside the pages. A worn one drains: its idle
contexts are closed, those at work stay until their leases end, and new leases go to a new browser. Where there is
memory for both at once, the new one starts right away; where there is not, those who wait are served when the old
one is empty. It takes the Node driver along, which grows as well.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

from browser_pool import wear as browser_wear
from browser_pool.browser import Browser, BrowserState
from browser_pool.context import ContextState
from browser_pool.owner import BrowserOwner
from browser_pool.reaper import Reaper
from browser_pool.settings import PoolSettings
from browser_pool.table import LeaseTable
from browser_pool.wear import BrowserWear, wear_of
from memory import ProcessMemory, mib

log = structlog.get_logger()


class Recycler:
    """Sees worn browsers out. `has_room` tells whether a second browser would fit beside the first."""

    def __init__(
        self,
        table: LeaseTable,
        owner: BrowserOwner,
        reaper: Reaper,
        settings: PoolSettings,
        *,
        tree: Callable[[], tuple[ProcessMemory, ...]],
        has_room: Callable[[], bool],
        spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
    ) -> None:
        self._table = table
        self._owner = owner
        self._reaper = reaper
        self._settings = settings
        self._tree = tree
        self._has_room = has_room
        self._spawn = spawn
        self.draining: Browser | None = None

    @property
    def must_wait(self) -> bool:
        """Whether no lease may start now: an old browser drains, and a new one would not fit beside it."""
        return self.draining is not None and self._owner.browser is None and not self._has_room()

    def look(self) -> None:
        """Begin to drain a browser that is worn, and end one that is empty."""
        browser = self._owner.browser
        if self.draining is None and browser is not None:
            wear = wear_of(browser, self._tree())
            if browser.settled_bytes is None and wear.age_seconds >= browser_wear.YOUNG_SECONDS:
                browser.settled_bytes = wear.held_bytes or None
            if wear.is_worn(self._settings):
                self._drain(browser, wear)
        if self.draining is not None and self._is_empty(self.draining):
            gone, self.draining = self.draining, None
            self._spawn(gone.close())

    async def close(self) -> None:
        """End one that is draining."""
        browser, self.draining = self.draining, None
        if browser is not None:
            await browser.close()

    def _drain(self, browser: Browser, wear: BrowserWear) -> None:
        log.info("browser.draining", age_seconds=round(wear.age_seconds), held=mib(wear.held_bytes))
        self._table.totals.browsers_recycled += 1
        self.draining = browser
        browser.state = BrowserState.DRAINING
        self._owner.hand_over(browser)
        for context in self._table.in_state(ContextState.FREE):
            self._reaper.retire(context)

    def _is_empty(self, browser: Browser) -> bool:
        return not any(context.browser is browser for context in self._table.contexts)
