"""One Chromium process and the driver it hangs on: starting, serving, closed.

A browser makes contexts and gives memory back. It does not know who uses them: that is the pool's table.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from enum import StrEnum

import structlog
from playwright.async_api import Browser as PlaywrightBrowser
from playwright.async_api import BrowserContext, CDPSession, Error

from browser_pool.chromium import FLAGS, Chromium, sandbox_is_possible
from browser_pool.driver import Driver, kill
from browser_pool.errors import BrowserGone, LaunchFailed
from browser_pool.identity import Identity
from browser_pool.lane import RECLAIM_SECONDS
from browser_pool.settings import PoolSettings

log = structlog.get_logger()


class BrowserState(StrEnum):
    """What a browser is doing."""

    STARTING = "starting"
    SERVING = "serving"
    DRAINING = "draining"
    CLOSED = "closed"


class Browser:
    """A running Chromium. Made by `launch`, ended by `close`; `on_gone` is called once if it ends by itself."""

    def __init__(
        self,
        driver: Driver,
        browser: PlaywrightBrowser,
        session: CDPSession,
        user_agent: str,
        *,
        is_sandboxed: bool,
    ) -> None:
        self._driver = driver
        self._browser = browser
        self._session = session
        self._user_agent = user_agent
        self.state = BrowserState.SERVING
        self.version = browser.version
        self.is_sandboxed = is_sandboxed
        self.settled_bytes: int | None = None
        self._launched_seconds = time.monotonic()

    @classmethod
    async def launch(
        cls,
        chromium: Chromium,
        settings: PoolSettings,
        *,
        limit_bytes: int | None,
        on_gone: Callable[[Browser], None],
    ) -> Browser:
        """Start a driver and a Chromium. Raises `LaunchFailed`; nothing is left over then."""
        driver = await Driver.start(
            scratch_root=settings.scratch, start_seconds=settings.launch_seconds, limit_bytes=limit_bytes
        )
        try:
            browser, is_sandboxed = await _start(driver, chromium, settings)
            session = await browser.new_browser_cdp_session()
            facts = await session.send("Browser.getVersion")
        except Error as error:
            await driver.stop()
            raise LaunchFailed(str(chromium.executable), _last_words(error)) from None
        except BaseException:
            await driver.stop()
            raise
        user_agent = f"{facts['userAgent']} {settings.program_name}"
        self = cls(driver, browser, session, user_agent, is_sandboxed=is_sandboxed)
        browser.on("disconnected", lambda _: self._on_disconnected(on_gone))
        log.info("browser.launched", version=browser.version, path=str(chromium.executable), sandbox=is_sandboxed)
        return self

    @property
    def age_seconds(self) -> float:
        """Since it was launched."""
        return time.monotonic() - self._launched_seconds

    @property
    def is_alive(self) -> bool:
        """Connected, and its driver is running. A wedged browser looks alive from here; a deadline tells."""
        return self._browser.is_connected() and self._driver.is_running

    async def new_context(self, identity: Identity) -> BrowserContext:
        """A new Playwright context that wears `identity`. Raises `BrowserGone`."""
        try:
            return await self._browser.new_context(
                accept_downloads=False,
                service_workers="block",
                locale=identity.locale,
                timezone_id=identity.timezone,
                user_agent=identity.user_agent or self._user_agent,
                java_script_enabled=identity.javascript,
            )
        except Error as error:
            raise BrowserGone(_first_line(error)) from None

    async def reclaim(self) -> None:
        """Make the browser process itself give memory back."""
        async with asyncio.timeout(RECLAIM_SECONDS):
            await self._session.send("Memory.simulatePressureNotification", {"level": "critical"})

    async def close(self) -> None:
        """End Chromium and its driver. Safe to call twice, and when they are dead or wedged."""
        if self.state is BrowserState.CLOSED:
            return
        self.state = BrowserState.CLOSED
        await self._driver.stop()

    def kill(self) -> None:
        """End it the hard way, for one that no longer answers."""
        kill(self._driver.processes())

    def _on_disconnected(self, on_gone: Callable[[Browser], None]) -> None:
        if self.state is not BrowserState.CLOSED:
            log.warning("browser.gone", version=self.version)
            on_gone(self)


async def _start(driver: Driver, chromium: Chromium, settings: PoolSettings) -> tuple[PlaywrightBrowser, bool]:
    """Start Chromium with its sandbox wherever that works, and tell whether it did."""

    async def start(*, sandbox: bool) -> PlaywrightBrowser:
        return await driver.playwright.chromium.launch(
            executable_path=str(chromium.executable),
            headless=not settings.headed,
            args=list(FLAGS),
            chromium_sandbox=sandbox,
            timeout=settings.launch_seconds * 1000,
            env={**os.environ, "TMPDIR": str(driver.scratch)},
        )

    if not sandbox_is_possible():
        return await start(sandbox=False), False
    try:
        return await start(sandbox=True), True
    except Error as error:
        if "sandbox" not in str(error).lower():
            raise
        log.warning("sandbox.unavailable", why="this system forbids user namespaces; see docs/operations.md")
        return await start(sandbox=False), False


def _first_line(error: Error) -> str:
    return str(error).strip().splitlines()[0]


def _last_words(error: Error) -> str:
    """What Chromium itself said of why it did not start; Playwright's own words where it said nothing."""
    said = [line.partition("[err]")[2].strip() for line in str(error).splitlines() if "[err]" in line]
    fatal = (line for line in said if "FATAL" in line or "error while loading" in line)
    return next(fatal, said[-1] if said else _first_line(error))
