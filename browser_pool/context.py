"""A warm context: one context with one page, used again and again for the same site and identity."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from browser_pool.browser import Browser, BrowserState, OpenContext
from browser_pool.errors import BrowserGone
from browser_pool.identity import Identity
from browser_pool.lane import Lane

if TYPE_CHECKING:
    from playwright.async_api import Page

    from browser_pool.owner import BrowserOwner

CHECK_SECONDS = 5.0
"""An answer takes a millisecond. On a machine that is out of breath it takes longer, and a launch longer yet."""


class ContextState(StrEnum):
    """free → leased → cleaning → free | closing."""

    FREE = "free"
    LEASED = "leased"
    CLEANING = "cleaning"
    CLOSING = "closing"


@dataclass(frozen=True, slots=True)
class Wear:
    """What a context has been through."""

    pages: int
    age_seconds: float


class WarmContext:
    """A row of the pool's table. It exists, leased, before Chromium is asked for anything; `open` makes it real.

    `source` is where its browser comes from, None in a pool that has none yet.
    """

    def __init__(self, number: int, site: str, identity: Identity, source: BrowserOwner | None = None) -> None:
        self.number = number
        self.site = site
        self.identity = identity
        self.source = source
        self.state = ContextState.LEASED
        self.pages = 0
        self.held_bytes: int | None = None
        self.renderer_pid: int | None = None
        self.asked_at_page = 0
        self.asked_at_seconds = 0.0
        self.free_since_seconds = 0.0
        self.browser: Browser | None = None
        self._made_seconds = time.monotonic()
        self._making: asyncio.Future[OpenContext] | None = None
        self._open: OpenContext | None = None

    @property
    def wear(self) -> Wear:
        """Pages opened and age so far."""
        return Wear(self.pages, time.monotonic() - self._made_seconds)

    @property
    def is_leaving(self) -> bool:
        """Whether its browser takes no new lease."""
        return self.browser is not None and self.browser.state is not BrowserState.SERVING

    @property
    def is_remote(self) -> bool:
        """Whether its memory is another machine's."""
        return self.source is not None and not self.source.endpoint.is_local

    @property
    def has_page(self) -> bool:
        """Whether it has a Playwright page, or will have."""
        return self.source is not None and self.source.uses_driver

    @property
    def lane(self) -> Lane:
        """The lane over its page."""
        if self._open is None:
            raise BrowserGone("the context has no page")
        return self._open.lane

    @property
    def page(self) -> Page | None:
        """The Playwright page, where it has one."""
        if self._open is None:
            raise BrowserGone("the context has no page")
        return self._open.page

    async def open(self, browser: Browser) -> None:
        """Make the context and its page. Raises `BrowserGone` and `IdentityRefused`."""
        self.browser = browser
        # Chromium makes it even if nobody waits for it any more: then `close` still has to find it.
        self._making = asyncio.ensure_future(browser.open_context(self.identity))
        self._making.add_done_callback(lambda made: made.cancelled() or made.exception())
        self._open = await asyncio.shield(self._making)

    async def reset(self) -> None:
        """Leave the page that was read. Raises `BrowserGone`."""
        if self._open is None:
            raise BrowserGone("the context was never opened")
        await self._open.reset()

    async def reclaim(self) -> None:
        """Make its renderer give memory back; the page stays open."""
        if self._open is not None:
            await self._open.lane.reclaim()

    async def check_browser(self) -> None:
        """See that the browser does its part, after a page that did not come. One that does not is ended.

        Raises `BrowserGone` then: it was not the site.
        """
        if self.browser is None or self.source is None:
            return
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                await self.browser.check()
        except TimeoutError:
            self.source.kill(self.browser)
            raise BrowserGone("the browser does not answer any more, or its network process does not") from None

    async def processor_seconds(self) -> float:
        """How much processor time its renderer says it has used. Raises `BrowserGone` and `CommandFailed`."""
        if self._open is None:
            raise BrowserGone("the context has no page")
        return await self._open.processor_seconds()

    async def close(self) -> None:
        """End it. Raises `BrowserGone` if Chromium does not."""
        if self._making is None:
            return
        await asyncio.wait({self._making})
        if self._making.exception() is not None:
            # There never was one.
            return
        await self._making.result().close()
