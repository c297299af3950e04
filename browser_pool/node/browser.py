"""A Chromium by way of Playwright: started by its driver here, or running elsewhere."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Any

import structlog
from playwright.async_api import Browser as PlaywrightBrowser
from playwright.async_api import CDPSession, Error

from browser_pool.browser import Browser, BrowserState
from browser_pool.cdp.remote import websocket_of, without_user
from browser_pool.chromium import NO_WINDOWS, Chromium, added_flags, sandbox_is_possible
from browser_pool.endpoint import LOCAL, Endpoint, EndpointKind, without_secrets
from browser_pool.errors import BrowserGone, EndpointUnreachable, LaunchFailed
from browser_pool.identity import Identity
from browser_pool.lane import RECLAIM_SECONDS
from browser_pool.line import renderers
from browser_pool.node.context import PlaywrightContext
from browser_pool.node.driver import Driver
from browser_pool.node.line import NodeLine
from browser_pool.processes import kill
from browser_pool.settings import PoolSettings

log = structlog.get_logger()

STATE_REFUSED = "Error setting storage state:"
"""How Playwright says that cookies or local storage can't be put in place."""

DEVTOOLS = "--auto-open-devtools-for-tabs"

IDENTITY_REFUSED = ("Invalid timezone ID", "(Emulation.")
"""How it says, when the first page is made, that a context can't be what it is to be."""


class NodeBrowser(Browser):
    """A Chromium behind a driver of its own. `on_gone` is called once if it ends by itself."""

    has_pages = True

    def __init__(
        self,
        endpoint: Endpoint,
        driver: Driver,
        browser: PlaywrightBrowser,
        session: CDPSession,
        user_agent: str,
        *,
        is_sandboxed: bool | None,
        on_gone: Callable[[Browser], None],
        keeps_popups: bool = False,
    ) -> None:
        super().__init__(endpoint, version=browser.version, is_sandboxed=is_sandboxed, root_pid=driver.pid)
        self._driver = driver
        self._browser = browser
        self._line = NodeLine(session)
        self._user_agent = user_agent
        self._keeps_popups = keeps_popups
        self._on_gone = on_gone
        browser.on("disconnected", lambda _: self._on_disconnected())

    @classmethod
    async def launch(
        cls,
        chromium: Chromium,
        settings: PoolSettings,
        *,
        limit_bytes: int | None,
        on_gone: Callable[[Browser], None],
    ) -> NodeBrowser:
        """Start a driver and a Chromium. Raises `LaunchFailed`; nothing is left over then."""
        driver = await _driver(settings, limit_bytes)
        try:
            async with asyncio.timeout(settings.launch_seconds):
                playwright, is_sandboxed = await _start(driver, chromium, settings, limit_bytes)
                session = await playwright.new_browser_cdp_session()
                facts = await session.send("Browser.getVersion")
        except BaseException as error:
            await driver.stop()
            if isinstance(error, Error):
                raise LaunchFailed(str(chromium.executable), _last_words(error)) from None
            if isinstance(error, TimeoutError):
                detail = f"no answer in {settings.launch_seconds:.0f} s"
                raise LaunchFailed(str(chromium.executable), detail) from None
            raise
        user_agent = f"{facts['userAgent']} {settings.program_name}"
        return cls(
            LOCAL,
            driver,
            playwright,
            session,
            user_agent,
            is_sandboxed=is_sandboxed,
            on_gone=on_gone,
            keeps_popups=settings.keeps_popups,
        )

    @classmethod
    async def connect(
        cls,
        endpoint: Endpoint,
        settings: PoolSettings,
        *,
        limit_bytes: int | None,
        on_gone: Callable[[Browser], None],
    ) -> NodeBrowser:
        """Join one that runs elsewhere. Raises `EndpointUnreachable`; nothing is left over then."""
        driver = await _driver(settings, limit_bytes)
        try:
            async with asyncio.timeout(settings.launch_seconds):
                playwright, session, user_agent = await _join(driver, endpoint, settings)
        except BaseException as error:
            await driver.stop()
            if isinstance(error, TimeoutError):
                raise EndpointUnreachable(endpoint.name, f"no answer in {settings.launch_seconds:.0f} s") from None
            if isinstance(error, Error):
                raise EndpointUnreachable(endpoint.name, without_secrets(_reason(error))) from None
            if isinstance(error, OSError | ValueError):
                raise EndpointUnreachable(endpoint.name, without_secrets(str(error))) from None
            raise
        return cls(endpoint, driver, playwright, session, user_agent, is_sandboxed=None, on_gone=on_gone)

    @property
    def is_alive(self) -> bool:
        """See `Browser.is_alive`."""
        return self._browser.is_connected() and self._driver.is_running

    async def open_context(self, identity: Identity) -> PlaywrightContext:
        """See `Browser.open_context`."""
        storage = (
            await asyncio.to_thread(identity.read_storage) if identity.storage_state else identity.read_storage()
        )
        self.contexts_opened += 1
        terms: dict[str, Any] = {}
        if identity.storage_state is not None:
            terms["storage_state"] = storage.as_playwright_has_it()
        if identity.proxy is not None:
            proxy = identity.proxy
            terms["proxy"] = {
                "server": proxy.server,
                **({"bypass": proxy.bypass} if proxy.bypass else {}),
                **({"username": proxy.username, "password": proxy.password} if proxy.username else {}),
            }
        try:
            context = await self._browser.new_context(
                accept_downloads=False,
                service_workers="block",
                locale=identity.locale,
                timezone_id=identity.timezone,
                user_agent=identity.user_agent or self._user_agent,
                java_script_enabled=identity.javascript,
                **terms,
            )
        except Error as error:
            if STATE_REFUSED in str(error):
                raise identity.unreadable(" ".join(str(error).partition(STATE_REFUSED)[2].split())) from None
            raise BrowserGone(_reason(error)) from None
        try:
            return await PlaywrightContext.over(
                context, is_proxied=identity.is_proxied, keeps_popups=self._keeps_popups
            )
        except BrowserGone as gone:
            if not any(words in str(gone) for words in IDENTITY_REFUSED):
                raise
            raise identity.refused(str(gone).partition(": ")[2]) from None

    async def reclaim(self) -> None:
        """See `Browser.reclaim`."""
        try:
            async with asyncio.timeout(RECLAIM_SECONDS):
                await self._line.send("Memory.simulatePressureNotification", level="critical")
        except Error as error:
            raise BrowserGone(_reason(error)) from None

    async def check(self) -> None:
        """See `Browser.check`."""
        try:
            await self._line.send("Storage.getCookies")
        except Error as error:
            raise BrowserGone(_reason(error)) from None

    async def renderers(self) -> dict[int, float]:
        """See `Browser.renderers`."""
        try:
            return await renderers(self._line)
        except Error as error:
            raise BrowserGone(_reason(error)) from None

    async def _end(self) -> None:
        """See `Browser.close`."""
        await self._driver.stop()

    def kill(self) -> None:
        """See `Browser.kill`."""
        kill(self._driver.processes())

    def _on_disconnected(self) -> None:
        if self.state is not BrowserState.CLOSED:
            self._on_gone(self)


async def _driver(settings: PoolSettings, limit_bytes: int | None) -> Driver:
    return await Driver.start(
        scratch_root=settings.scratch, start_seconds=settings.launch_seconds, limit_bytes=limit_bytes
    )


async def _start(
    driver: Driver, chromium: Chromium, settings: PoolSettings, limit_bytes: int | None
) -> tuple[PlaywrightBrowser, bool]:
    """Start Chromium with its sandbox wherever that works, and tell whether it did."""

    async def start(*, sandbox: bool) -> PlaywrightBrowser:
        return await driver.playwright.chromium.launch(
            executable_path=str(chromium.executable),
            headless=not settings.headed,
            args=[*added_flags(limit_bytes), NO_WINDOWS, *((DEVTOOLS,) if settings.devtools else ())],
            slow_mo=settings.slow_mo_ms or None,
            chromium_sandbox=sandbox,
            timeout=settings.launch_seconds * 1000,
            env={**os.environ, "TMPDIR": str(driver.scratch.path)},
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


async def _join(
    driver: Driver, endpoint: Endpoint, settings: PoolSettings
) -> tuple[PlaywrightBrowser, CDPSession, str]:
    """Connect to a browser elsewhere, and learn what it calls itself."""
    chromium, milliseconds = driver.playwright.chromium, settings.launch_seconds * 1000
    url, is_cdp = endpoint.url, endpoint.kind is EndpointKind.CDP
    if is_cdp and url.startswith("http"):
        # Playwright would ask by name, which DevTools do not answer.
        url = await asyncio.to_thread(websocket_of, url)
    url, headers = without_user(url)
    join = chromium.connect_over_cdp if is_cdp else chromium.connect
    playwright = await join(url, headers=headers, timeout=milliseconds)
    try:
        session = await playwright.new_browser_cdp_session()
        facts = await session.send("Browser.getVersion")
    except Error as error:
        # A server that serves Firefox or WebKit connects as well.
        await playwright.close()
        raise Error(f"it is no Chromium: {_reason(error)}") from None
    return playwright, session, f"{facts['userAgent']} {settings.program_name}"


def _reason(error: Error) -> str:
    return str(error).strip().splitlines()[0]


def _last_words(error: Error) -> str:
    """What Chromium itself said of why it did not start; Playwright's own words where it said nothing."""
    said = [line.partition("[err]")[2].strip() for line in str(error).splitlines() if "[err]" in line]
    fatal = (line for line in said if "FATAL" in line or "error while loading" in line)
    return next(fatal, said[-1] if said else _reason(error))
