"""The verbs of a lane over a Playwright page."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from playwright.async_api import Error, Page, Response
from playwright.async_api import TimeoutError as PlaywrightTimeout

from browser_pool.blocking import Blocking
from browser_pool.errors import (
    BrowserGone,
    NavigationBecameDownload,
    NavigationFailed,
    NavigationRefused,
    NavigationTimeout,
    NavigationWithoutPage,
    NoScreenshot,
    PageCrashed,
    PageReplaced,
    ScriptFailed,
)
from browser_pool.family import BLANK, Family
from browser_pool.fence import STRAYED, MayOpen
from browser_pool.fetches import Fetches
from browser_pool.hearing import Heard, Hearing
from browser_pool.lane import ABORTED, RECLAIM_SECONDS, SCREENSHOT_SECONDS, Opened
from browser_pool.line import picture
from browser_pool.node.line import NodeLine

ERROR_PAGE = "chrome-error:"

SETTLE_SECONDS = 1.0

REPLACED = (
    "Execution context was destroyed",
    "Cannot find context",
    "because of a navigation",
    "frame was detached",
)
"""How Playwright says that the document went away under an evaluation."""


class PlaywrightLane:
    """A `Lane` over a Playwright page. Whoever made the page owns it; this only drives it.

    `is_proxied`: what comes, comes from a proxy, and where that had it from is not known.
    """

    def __init__(self, page: Page, line: NodeLine, *, is_proxied: bool = False) -> None:
        self.page = page
        self.line = line
        self._hearing = Hearing(line)
        self._fetches = Fetches(line)
        self._is_proxied = is_proxied
        # Playwright has a worker run at once, so that what it is told comes too late for its first requests.
        self._family = Family(line, is_shared=True)
        self._status: int | None = None
        line.on("Network.responseReceived", self._on_response)
        self._crashed = asyncio.Event()
        page.on("crash", self._on_crash)

    @classmethod
    async def over(cls, page: Page, *, is_proxied: bool = False) -> PlaywrightLane:
        """Attach to `page`."""
        lane = cls(page, NodeLine(await page.context.new_cdp_session(page)), is_proxied=is_proxied)
        await lane._family.start()
        return lane

    async def open(self, url: str, *, timeout_seconds: float, saved_html: bytes | None = None) -> Opened:
        """See `Lane.open`."""
        await self._devtools(self._family.serve(saved_html))
        if await self._family.set_out(url):
            # Playwright hears of it on another line, and would take it for the end of what comes next.
            await self._settle(BLANK)
        self._hearing.set_out()
        self._status = None
        self._fetches.set_out(url)
        going = self.page.goto(url, wait_until="commit", timeout=timeout_seconds * 1000)
        try:
            response = await self._unless_crashed(going)
        except PlaywrightTimeout:
            raise NavigationTimeout(url, timeout_seconds) from None
        except Error as error:
            refusal = self._family.interception.passage.refusal
            if refusal is not None:
                raise NavigationRefused(url, refusal.url, refusal.reason) from None
            failed = await self._failure(url, error)
            if isinstance(failed, NavigationFailed):
                await self._settle(ERROR_PAGE)
            raise failed from None
        self._family.interception.passage.has_arrived = True
        if response is None:
            return Opened(self.page.url, None)
        remote = None if self._is_proxied else await self._remote(response)
        return Opened(self.page.url, response.status, response.headers, _redirects(response), remote)

    async def evaluate(self, script: str, argument: object = None) -> Any:
        """See `Lane.evaluate`."""
        try:
            result = await self._unless_crashed(self.page.evaluate(script, argument))
        except Error as error:
            words = _first_line(error)
            raise (PageReplaced(words) if any(mark in words for mark in REPLACED) else ScriptFailed(words)) from None
        if (stray := self._family.interception.passage.stray) is not None:
            raise PageReplaced(STRAYED.format(stray))
        return result

    async def block(self, urls: Sequence[str] = (), kinds: Sequence[str] = ()) -> None:
        """See `Lane.block`."""
        await self._devtools(self._family.block(Blocking.of(urls, kinds)))

    async def fence(self, may_open: MayOpen | None) -> None:
        """See `Lane.fence`."""
        await self._devtools(self._family.fence(may_open))

    async def revalidate(self, *, enabled: bool) -> None:
        """See `Lane.revalidate`."""
        await self._devtools(self._family.revalidate(enabled=enabled))

    async def hear(self, urls: Sequence[str]) -> None:
        """See `Lane.hear`."""
        await self._devtools(self._hearing.hear(urls))

    async def heard(self) -> list[Heard]:
        """See `Lane.heard`."""
        heard: list[Heard] = await self._devtools(self._hearing.heard())
        return heard

    @property
    def missed(self) -> int:
        """See `Lane.missed`."""
        return self._hearing.missed

    @property
    def pending(self) -> int:
        """See `Lane.pending`."""
        return self._fetches.pending

    async def fetched(self, *, timeout_seconds: float) -> bool:
        """See `Lane.fetched`."""
        return bool(await self._unless_crashed(self._fetches.done(timeout_seconds=timeout_seconds)))

    async def screenshot(self, *, timeout_seconds: float = SCREENSHOT_SECONDS) -> bytes:
        """See `Lane.screenshot`."""
        try:
            async with asyncio.timeout(timeout_seconds):
                return bytes(await self._unless_crashed(picture(self.line)))
        except TimeoutError:
            raise NoScreenshot(f"it did not answer in {timeout_seconds:.1f} s") from None
        except Error as error:
            raise NoScreenshot(_first_line(error)) from None

    async def reclaim(self) -> None:
        """See `Lane.reclaim`."""
        async with asyncio.timeout(RECLAIM_SECONDS):
            await self._devtools(self.line.send("HeapProfiler.collectGarbage"))
            await self._devtools(self.line.send("Memory.simulatePressureNotification", level="critical"))

    async def _failure(self, url: str, error: Error) -> NavigationFailed | BrowserGone:
        failed = _navigation_error(url, error)
        if ABORTED not in str(error) or not isinstance(failed, NavigationFailed):
            return failed
        with suppress(TimeoutError):
            async with asyncio.timeout(SETTLE_SECONDS):
                # Its answer comes after what was announced before.
                await self._devtools(self.line.send("Target.getTargetInfo"))
        return failed if self._status is None else NavigationWithoutPage(url, self._status)

    async def _remote(self, response: Response) -> str | None:
        address = await self._devtools(response.server_addr())
        return address["ipAddress"].strip("[]") or None if address is not None else None

    async def _settle(self, page: str) -> None:
        """Wait for `page`, such as the error page of an address that failed: late, it would interrupt the next."""
        if self.page.url.startswith(page):
            return
        try:
            await self._unless_crashed(
                self.page.wait_for_url(f"{page}**", wait_until="commit", timeout=SETTLE_SECONDS * 1000)
            )
        except PlaywrightTimeout:
            # There is none for this failure, as for a download.
            return
        except Error as error:
            if _is_gone(error):
                raise _browser_error(error) from None
            # The page goes on by itself, from one address to the next. What comes then is the next address's affair.
            return

    async def _devtools(self, work: Any) -> Any:
        try:
            return await self._unless_crashed(work)
        except Error as error:
            raise _browser_error(error) from None

    async def _unless_crashed(self, work: Any) -> Any:
        """Await `work`, but not for ever: Playwright leaves calls to a crashed page unanswered."""
        task = asyncio.ensure_future(work)
        crash = asyncio.ensure_future(self._crashed.wait())
        try:
            await asyncio.wait({task, crash}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            raise PageCrashed("the page's renderer crashed")
        except Error as error:
            if _is_gone(error):
                raise _browser_error(error) from None
            raise
        finally:
            for one in (task, crash):
                one.cancel()
            await asyncio.gather(task, crash, return_exceptions=True)

    def _on_response(self, event: dict[str, Any]) -> None:
        if event.get("type") == "Document" and event["requestId"] == event.get("loaderId"):
            self._status = event["response"]["status"]

    def _on_crash(self, _page: Page) -> None:
        self._crashed.set()


def _is_gone(error: Error) -> bool:
    text = str(error)
    return any(mark in text for mark in ("has been closed", "Target closed", "crashed", "Connection closed"))


def _first_line(error: Error) -> str:
    return str(error).strip().splitlines()[0]


def _browser_error(error: Error) -> BrowserGone:
    text = _first_line(error)
    return PageCrashed(text) if "crashed" in text else BrowserGone(text)


def _navigation_error(url: str, error: Error) -> NavigationFailed | BrowserGone:
    text = _first_line(error)
    if _is_gone(error):
        return _browser_error(error)
    if "Download is starting" in text:
        return NavigationBecameDownload(url)
    if "invalid URL" in text:
        return NavigationFailed(url, "ERR_INVALID_URL")
    _, mark, rest = text.partition("net::")
    return NavigationFailed(url, rest.split(" ")[0] if mark else text)


def _redirects(response: Response) -> tuple[str, ...]:
    chain: list[str] = []
    request = response.request.redirected_from
    while request is not None:
        chain.append(request.url)
        request = request.redirected_from
    return tuple(reversed(chain))
