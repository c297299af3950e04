"""The reaper: what becomes of a context when its lease is over.

It is cleaned for the next of the same kind, or closed, behind the back of who gave it back and within bounds. A
context that does not close in time has a browser that no longer answers: that one is killed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

from browser_pool.context import ContextState, WarmContext
from browser_pool.errors import BrowserGone
from browser_pool.fleet import Fleet
from browser_pool.table import LeaseTable

log = structlog.get_logger()


class Reaper:
    """Cleans and closes. `spawn` starts a task that the pool owns; `on_done` is told when a slot may be free."""

    def __init__(
        self,
        table: LeaseTable,
        fleet: Fleet,
        *,
        within_seconds: float,
        spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
        on_done: Callable[[], None],
    ) -> None:
        self._table = table
        self._fleet = fleet
        self._within_seconds = within_seconds
        self._spawn = spawn
        self._on_done = on_done

    def clean(self, context: WarmContext) -> None:
        """Have a context made ready for the next lease of its kind."""
        context.state = ContextState.CLEANING
        self._spawn(self._clean(context))

    def retire(self, context: WarmContext) -> asyncio.Task[None] | None:
        """Have a context closed, unless it is being closed already."""
        if context.state is ContextState.CLOSING:
            return None
        context.state = ContextState.CLOSING
        return self._spawn(self._close(context))

    async def _clean(self, context: WarmContext) -> None:
        try:
            async with asyncio.timeout(self._within_seconds):
                await context.reset()
            is_clean = not context.is_leaving
        except (BrowserGone, TimeoutError):
            is_clean = False
        if context not in self._table.contexts:
            # Its browser has died meanwhile, or the pool has closed.
            return
        if not is_clean:
            self.retire(context)
        elif context.state is ContextState.CLEANING:
            context.state = ContextState.FREE
            context.free_since_seconds = time.monotonic()
            self._on_done()

    async def _close(self, context: WarmContext) -> None:
        browser = context.browser
        try:
            async with asyncio.timeout(self._within_seconds):
                await context.close()
        except BrowserGone as gone:
            log.debug("context.already_gone", context=context.number, error=str(gone))
        except TimeoutError:
            log.warning("browser.wedged", context=context.number, after_seconds=self._within_seconds)
            if browser is not None:
                self._fleet.owner_of(browser).kill(browser)
        self._table.drop_context(context)
        self._on_done()
