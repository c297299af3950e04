"""A warm context: one Playwright context with one page, used again and again for the same site and identity."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from enum import StrEnum

from playwright.async_api import BrowserContext, Error, Page

from browser_pool.browser import Browser, BrowserState
from browser_pool.errors import BrowserGone
from browser_pool.identity import Identity
from browser_pool.lane import PlaywrightLane

BLANK = "about:blank"
POPUP_SECONDS = 5.0


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
    """A row of the pool's table. It exists, leased, before Chromium is asked for anything; `open` makes it real."""

    def __init__(self, number: int, site: str, identity: Identity) -> None:
        self.number = number
        self.site = site
        self.identity = identity
        self.state = ContextState.LEASED
        self.pages = 0
        self.held_bytes: int | None = None
        self.free_since_seconds = 0.0
        self.browser: Browser | None = None
        self._made_seconds = time.monotonic()
        self._making: asyncio.Future[BrowserContext] | None = None
        self._context: BrowserContext | None = None
        self._lane: PlaywrightLane | None = None
        self._was_handed_out = False
        self._is_opening_page = False
        self._closing_popups: set[asyncio.Task[None]] = set()

    @property
    def wear(self) -> Wear:
        """Pages opened and age so far."""
        return Wear(self.pages, time.monotonic() - self._made_seconds)

    @property
    def is_leaving(self) -> bool:
        """Whether its browser takes no new lease."""
        return self.browser is not None and self.browser.state is not BrowserState.SERVING

    @property
    def lane(self) -> PlaywrightLane:
        """The lane over its page."""
        if self._lane is None:
            raise BrowserGone("the context has no page")
        return self._lane

    def hand_out_page(self) -> Page:
        """The Playwright page itself. What a caller hangs on it can't be taken off again, so it is not reused."""
        self._was_handed_out = True
        return self.lane.page

    async def open(self, browser: Browser) -> None:
        """Make the context and its page. Raises `BrowserGone`."""
        self.browser = browser
        # Chromium makes it even if nobody waits for it any more: then `close` still has to find it.
        self._making = asyncio.ensure_future(browser.new_context(self.identity))
        self._making.add_done_callback(lambda made: made.cancelled() or made.exception())
        self._context = await asyncio.shield(self._making)
        self._context.on("page", self._on_page)
        await self._open_page(self._context)

    async def reset(self) -> None:
        """Leave the page that was read: blank again, or a new page if the old one was handed out."""
        if self._context is None:
            raise BrowserGone("the context was never opened")
        try:
            if self._was_handed_out:
                old = self.lane.page
                await self._open_page(self._context)
                await old.close()
                self._was_handed_out = False
            else:
                await _leave(self.lane.page)
                await self.lane.block(())
        except Error as error:
            raise BrowserGone(str(error)) from None

    async def reclaim(self) -> None:
        """Make its renderer give memory back; the page stays open."""
        if self._lane is not None:
            await self._lane.reclaim()

    async def close(self) -> None:
        """End it. Raises `BrowserGone` if Chromium does not."""
        if self._making is None:
            return
        try:
            await (await self._making).close()
        except Error as error:
            raise BrowserGone(str(error)) from None

    async def _open_page(self, context: BrowserContext) -> None:
        self._is_opening_page = True
        try:
            self._lane = await PlaywrightLane.over(await context.new_page())
        except Error as error:
            raise BrowserGone(str(error)) from None
        finally:
            self._is_opening_page = False

    def _on_page(self, page: Page) -> None:
        """A page that a site opened by itself is looked at by nobody. Ours is announced while we open it."""
        if self._is_opening_page:
            return
        task = asyncio.create_task(_close_popup(page))
        self._closing_popups.add(task)
        task.add_done_callback(self._closing_popups.discard)


async def _close_popup(page: Page) -> None:
    try:
        async with asyncio.timeout(POPUP_SECONDS):
            await page.close()
    except (Error, TimeoutError):
        # It went away by itself, or its context is about to.
        return


async def _leave(page: Page) -> None:
    try:
        await page.goto(BLANK, wait_until="commit")
    except Error as error:
        if "interrupted by another navigation" not in str(error):
            raise
        # Chromium's own error page, for a navigation that failed, was still on its way. Ours follows it.
        await page.wait_for_url(BLANK, wait_until="commit")
