"""Which renderer process is whose page.

Chromium lists its processes and its pages, and never says which belongs to which. But a page can be asked how much
processor time its process has used, and Chromium says the same of each process: where one process fits, it is that
one. Where several do, it is asked again later.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any

from browser_pool.context import ContextState, WarmContext
from browser_pool.errors import BrowserGone
from browser_pool.line import CommandFailed
from memory.processes import own_bytes

ASK_SECONDS = 1.0
AGAIN_AFTER_SECONDS = 2.0
"""Where it was not found out: processes that had worked equally long part company by then."""
AGAIN_AFTER_PAGES = 50
"""Where it was: a page that went to another site may have got another process."""


class Renderers:
    """Finds out whose is whose. `spawn` starts a task that the pool owns."""

    def __init__(self, spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]) -> None:
        self._spawn = spawn
        self._asking: asyncio.Task[None] | None = None

    def look(self, contexts: Iterable[WarmContext]) -> None:
        """Forget processes that are gone, and ask those whose is not known. Never waits."""
        unknown = []
        for context in contexts:
            if context.renderer_pid is not None and own_bytes(context.renderer_pid) is None:
                context.renderer_pid = None
            if must_ask(context, time.monotonic()):
                unknown.append(context)
        if unknown and (self._asking is None or self._asking.done()):
            self._asking = self._spawn(ask(unknown))


async def ask(contexts: Iterable[WarmContext]) -> None:
    """One after the other, so that a process has little time to work between the two readings of it."""
    for context in contexts:
        context.asked_at_page, context.asked_at_seconds = context.pages, time.monotonic()
        if context.browser is None:
            continue
        try:
            async with asyncio.timeout(ASK_SECONDS):
                before = await context.browser.renderers()
                said = await context.processor_seconds()
                after = await context.browser.renderers()
        except (BrowserGone, CommandFailed, TimeoutError):
            # It is busy, or about to be ended; what it holds is reckoned by size then.
            continue
        context.renderer_pid = fitting(said, before, after)


def must_ask(context: WarmContext, now_seconds: float) -> bool:
    """Whether it has a process here that is not known, or was found out long ago. Decides only."""
    is_here = context.state in {ContextState.LEASED, ContextState.FREE} and not context.is_remote
    if not is_here or not context.pages:
        return False
    pages_since = context.pages - context.asked_at_page
    if context.renderer_pid is not None:
        return pages_since >= AGAIN_AFTER_PAGES
    return pages_since > 0 or now_seconds - context.asked_at_seconds >= AGAIN_AFTER_SECONDS


def fitting(said_seconds: float, before: Mapping[int, float], after: Mapping[int, float]) -> int | None:
    """The one process that had used `said_seconds` at some moment between two readings; None if there are more. Pure.

    All of them count in hundredths of a second.
    """
    said = round(said_seconds, 2)
    fit = [pid for pid, used in before.items() if round(used, 2) <= said <= round(after.get(pid, used), 2)]
    return fit[0] if len(fit) == 1 else None
