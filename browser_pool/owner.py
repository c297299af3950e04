"""The one owner of the browsers of one kind in one place: launched when needed, one at a time, replaced when gone."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_exponential, wait_random

from browser_pool.breaker import Breaker
from browser_pool.browser import Browser
from browser_pool.cdp.browser import CdpBrowser
from browser_pool.chromium import find_chromium
from browser_pool.endpoint import Endpoint
from browser_pool.errors import BrowserGone, LaunchFailed
from browser_pool.events import BrowserLaunched, BrowserLost, EndpointDown, Hooks
from browser_pool.settings import PoolSettings

LAUNCH_ATTEMPTS = 3
"""Of a Chromium of ours. One that runs elsewhere is asked once, and then others are."""

CLOSING = "the pool is closing"


class BrowserOwner:
    """Holds the browser that serves. `on_launched` and `on_lost` are told of each that comes and goes.

    `on_lost` has to see the browser closed: it may still have a process. `close` ends the one that serves.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        settings: PoolSettings,
        *,
        uses_driver: bool,
        limit_bytes: Callable[[], int | None],
        on_launched: Callable[[Browser], None],
        on_lost: Callable[[Browser], None],
        hooks: Hooks,
    ) -> None:
        self.endpoint = endpoint
        self.uses_driver = uses_driver
        self.breaker = Breaker()
        self.browser: Browser | None = None
        self._settings = settings
        self._limit_bytes = limit_bytes
        self._on_launched = on_launched
        self._on_lost = on_lost
        self._hooks = hooks
        self._launching: asyncio.Task[Browser] | None = None
        self._is_closing = False

    @property
    def must_launch(self) -> bool:
        """Whether a lease here needs memory for a browser first."""
        return self.endpoint.is_local and self.browser is None

    @property
    def is_launching(self) -> bool:
        """Whether one is on its way."""
        return self._launching is not None and not self._launching.done()

    async def serving(self) -> Browser:
        """The browser, launched if there is none.

        Raises `ChromiumNotFound`, `LaunchFailed` after several attempts, `BrowserGone` when it is being closed.
        """
        if self._is_closing:
            raise BrowserGone(CLOSING)
        if self.browser is not None:
            return self.browser
        if self._launching is None or self._launching.done():
            self._launching = asyncio.create_task(self._launch(), name="browser.launch")
            self._launching.add_done_callback(lambda done: done.cancelled() or done.exception())
        # Whoever asked for it may give up: the launch goes on, for the next and so that nothing is left half started.
        try:
            return await asyncio.shield(self._launching)
        except asyncio.CancelledError:
            if self._launching.cancelled():
                raise BrowserGone(CLOSING) from None
            raise

    def notice_death(self) -> None:
        """A driver that is killed takes its browser along without a word."""
        if self.browser is not None and not self.browser.is_alive:
            self.lose(self.browser)

    def lose(self, browser: Browser) -> None:
        """A browser is gone, or as good as gone. Twice is harmless."""
        if self.browser is not browser:
            return
        self.browser = None
        if browser.contexts_opened == 0:
            # It starts, and can do nothing: as good as one that does not start.
            self._fail("it died before it had opened a page")
        self._hooks.tell(BrowserLost(self.endpoint.name, browser.version, browser.age_seconds))
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
            # It clears away what it has started.
            self._launching.cancel()
            await asyncio.gather(self._launching, return_exceptions=True)
        browser, self.browser = self.browser, None
        if browser is not None:
            await browser.close()

    async def _launch(self) -> Browser:
        retrying = AsyncRetrying(
            retry=retry_if_exception_type(LaunchFailed),
            stop=stop_after_attempt(LAUNCH_ATTEMPTS if self.endpoint.is_local else 1),
            wait=wait_exponential(multiplier=0.2, max=5.0) + wait_random(0.0, 0.2),
            reraise=True,
        )
        started_seconds = time.monotonic()
        try:
            browser: Browser = await retrying(self._launch_once)
        except LaunchFailed as error:
            self._fail(error.detail)
            raise
        self.browser = browser
        self._hooks.tell(
            BrowserLaunched(
                self.endpoint.name,
                browser.version,
                browser.has_pages,
                browser.is_sandboxed,
                time.monotonic() - started_seconds,
            )
        )
        self._on_launched(browser)
        return browser

    async def _launch_once(self) -> Browser:
        settings, endpoint, limit_bytes = self._settings, self.endpoint, self._limit_bytes()
        if not self.uses_driver:
            if endpoint.is_local:
                chromium = find_chromium(settings.chromium, headed=settings.headed)
                return await CdpBrowser.launch(chromium, settings, limit_bytes=limit_bytes, on_gone=self.lose)
            return await CdpBrowser.connect(endpoint, settings, on_gone=self.lose)
        # Playwright is 17 MB of Python that a pool without its pages never needs.
        from browser_pool.node.browser import NodeBrowser  # noqa: PLC0415

        if endpoint.is_local:
            chromium = find_chromium(settings.chromium, headed=settings.headed)
            return await NodeBrowser.launch(chromium, settings, limit_bytes=limit_bytes, on_gone=self.lose)
        return await NodeBrowser.connect(endpoint, settings, limit_bytes=limit_bytes, on_gone=self.lose)

    def _fail(self, detail: str) -> None:
        pause = self.breaker.fail(detail, time.monotonic())
        self._hooks.tell(EndpointDown(self.endpoint.name, detail, pause))
