"""The one owner of browser processes: launched when needed, one launch at a time, replaced when gone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_exponential, wait_random

from browser_pool.browser import Browser
from browser_pool.chromium import find_chromium
from browser_pool.errors import BrowserGone, LaunchFailed
from browser_pool.settings import PoolSettings

log = structlog.get_logger()

LAUNCH_ATTEMPTS = 3


class BrowserOwner:
    """Holds the browser that serves. `on_launched` and `on_lost` are told of each that comes and goes.

    `on_lost` has to see the browser closed: it may still have a process. `close` ends the one that serves.
    """

    def __init__(
        self,
        settings: PoolSettings,
        *,
        limit_bytes: Callable[[], int | None],
        on_launched: Callable[[], None],
        on_lost: Callable[[Browser], None],
    ) -> None:
        self._settings = settings
        self._limit_bytes = limit_bytes
        self._on_launched = on_launched
        self._on_lost = on_lost
        self._launching: asyncio.Task[Browser] | None = None
        self._is_closing = False
        self.browser: Browser | None = None

    async def serving(self) -> Browser:
        """The browser, launched if there is none.

        Raises `ChromiumNotFound`, `LaunchFailed` after several attempts, `BrowserGone` when it is being closed.
        """
        if self._is_closing:
            raise BrowserGone("the pool is closing")
        if self.browser is not None:
            return self.browser
        if self._launching is None or self._launching.done():
            self._launching = asyncio.create_task(self._launch(), name="browser.launch")
            self._launching.add_done_callback(lambda done: done.cancelled() or done.exception())
        # Whoever asked for it may give up: the launch goes on, for the next and so that nothing is left half started.
        return await asyncio.shield(self._launching)

    def notice_death(self) -> None:
        """A driver that is killed takes its browser along without a word."""
        if self.browser is not None and not self.browser.is_alive:
            self.lose(self.browser)

    def lose(self, browser: Browser) -> None:
        """A browser is gone, or as good as gone. Twice is harmless."""
        if self.browser is browser:
            self.browser = None
            self._on_lost(browser)

    def hand_over(self, browser: Browser) -> None:
        """Let go of a browser that its caller will close: the next who asks gets a new one."""
        if self.browser is browser:
            self.browser = None

    def kill(self, browser: Browser) -> None:
        """End one that no longer answers."""
        browser.kill()
        self.lose(browser)

    async def close(self) -> None:
        """Launch no more, and end the one that serves."""
        self._is_closing = True
        if self._launching is not None:
            await asyncio.gather(self._launching, return_exceptions=True)
        browser, self.browser = self.browser, None
        if browser is not None:
            await browser.close()

    async def _launch(self) -> Browser:
        retrying = AsyncRetrying(
            retry=retry_if_exception_type(LaunchFailed),
            stop=stop_after_attempt(LAUNCH_ATTEMPTS),
            wait=wait_exponential(multiplier=0.2, max=5.0) + wait_random(0.0, 0.2),
            reraise=True,
        )
        launched: Browser = await retrying(self._launch_once)
        self.browser = launched
        return launched

    async def _launch_once(self) -> Browser:
        chromium = find_chromium(self._settings.chromium, headed=self._settings.headed)
        browser = await Browser.launch(chromium, self._settings, limit_bytes=self._limit_bytes(), on_gone=self.lose)
        self._on_launched()
        return browser
