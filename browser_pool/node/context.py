"""A Playwright context with one page."""

from __future__ import annotations

import asyncio

from playwright.async_api import BrowserContext, Error, Page

from browser_pool.errors import BrowserGone
from browser_pool.line import processor_seconds
from browser_pool.node.lane import PlaywrightLane

BLANK = "about:blank"
POPUP_SECONDS = 5.0


class PlaywrightContext:
    """One Playwright context and its page. Made by `over`, ended by `close`."""

    def __init__(self, context: BrowserContext, *, is_proxied: bool, keeps_popups: bool = False) -> None:
        self._context = context
        self._is_proxied = is_proxied
        self._keeps_popups = keeps_popups
        self._lane: PlaywrightLane | None = None
        self._was_handed_out = False
        self._is_opening_page = False
        self._closing_popups: set[asyncio.Task[None]] = set()

    @classmethod
    async def over(
        cls, context: BrowserContext, *, is_proxied: bool, keeps_popups: bool = False
    ) -> PlaywrightContext:
        """Give a new Playwright context its page. The context is closed if that fails."""
        made = cls(context, is_proxied=is_proxied, keeps_popups=keeps_popups)
        context.on("page", made._on_page)
        try:
            await made._open_page()
        except BaseException:
            task = asyncio.create_task(_close(context))
            await asyncio.shield(task)
            raise
        return made

    @property
    def lane(self) -> PlaywrightLane:
        """The lane over its page."""
        if self._lane is None:
            raise BrowserGone("the context has no page")
        return self._lane

    @property
    def page(self) -> Page:
        """The Playwright page. What a caller hangs on it can't be taken off again, so it is not reused."""
        self._was_handed_out = True
        return self.lane.page

    async def reset(self) -> None:
        """Leave the page that was read: blank again, or a new page if the old one was handed out."""
        try:
            if self._was_handed_out:
                old = self.lane.page
                await self._open_page()
                await old.close()
                await self._undo()
                self._was_handed_out = False
            else:
                await _leave(self.lane.page)
                await self.lane.block()
                await self.lane.hear(())
                await self.lane.fence(None)
                await self.lane.revalidate(enabled=False)
        except Error as error:
            raise BrowserGone(str(error)) from None

    async def processor_seconds(self) -> float:
        """See `OpenContext.processor_seconds`."""
        try:
            return await processor_seconds(self.lane.line)
        except Error as error:
            raise BrowserGone(str(error)) from None

    async def close(self) -> None:
        """End it. Raises `BrowserGone` if Chromium does not."""
        try:
            await self._context.close()
        except Error as error:
            raise BrowserGone(str(error)) from None

    async def _open_page(self) -> None:
        self._is_opening_page = True
        try:
            self._lane = await PlaywrightLane.over(await self._context.new_page(), is_proxied=self._is_proxied)
        except Error as error:
            raise BrowserGone(str(error)) from None
        finally:
            self._is_opening_page = False

    async def _undo(self) -> None:
        """Take off what can be hung on a context by way of its page."""
        context = self._context
        await context.unroute_all(behavior="ignoreErrors")
        await context.set_offline(offline=False)
        await context.set_extra_http_headers({})
        await context.clear_permissions()
        await context.set_geolocation(None)

    def _on_page(self, page: Page) -> None:
        """A page that a site opened by itself is looked at by nobody, as a rule. Ours is announced as we open it."""
        if self._is_opening_page or self._keeps_popups:
            return
        task = asyncio.create_task(_close(page))
        self._closing_popups.add(task)
        task.add_done_callback(self._closing_popups.discard)


async def _close(thing: Page | BrowserContext) -> None:
    try:
        async with asyncio.timeout(POPUP_SECONDS):
            await thing.close()
    except (Error, TimeoutError):
        # It went away by itself, or what it lives in is about to.
        return


async def _leave(page: Page) -> None:
    try:
        await page.goto(BLANK, wait_until="commit")
    except Error as error:
        if "interrupted by another navigation" not in str(error):
            raise
        # Chromium's own error page, for a navigation that failed, was still on its way. Ours follows it.
        await page.wait_for_url(BLANK, wait_until="commit")
