"""The few verbs that reading a page needs, behind one small interface.

A lane is a page of Chromium, seen by somebody who only reads: open an address, evaluate one script, block what
costs memory and adds nothing, give memory back. `PlaywrightLane` is that interface over a Playwright page; a lane
over bare CDP can stand beside it without a line changed in what reads pages.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from playwright.async_api import CDPSession, Error, Page, Response
from playwright.async_api import TimeoutError as PlaywrightTimeout

from browser_pool.errors import (
    BrowserGone,
    NavigationBecameDownload,
    NavigationFailed,
    NavigationTimeout,
    PageCrashed,
)

ERROR_PAGE = "chrome-error:"

SETTLE_SECONDS = 1.0

RECLAIM_SECONDS = 5.0
"""How long Chromium gets to give memory back. A page that hangs does not answer, and is not waited for."""


@dataclass(frozen=True, slots=True)
class Opened:
    """What came back for an address.

    `url` is where it ended, after redirects; `status` is the HTTP status of the document, None where there was no
    HTTP; header names are lower case.
    """

    url: str
    status: int | None
    headers: Mapping[str, str]
    redirects: tuple[str, ...] = ()


class Lane(Protocol):
    """What a reader may do with a page."""

    async def open(self, url: str, *, timeout_seconds: float, saved_html: bytes | None = None) -> Opened:
        """Navigate, and return as soon as the document has begun to arrive.

        With `saved_html` the document is that text, served as if it came from `url`; every other request is
        refused and nothing goes to the network.

        Raises `NavigationFailed` (or a kind of it) when the page did not come, `BrowserGone` when the browser
        did not survive.
        """

    async def evaluate(self, script: str, argument: object = None) -> Any:
        """Run a JavaScript function in the page; a promise is awaited. The result is JSON-like.

        Raises `BrowserGone` when the page or its browser is gone. There is no time limit here: the deadline of
        the lease, or the caller's own `asyncio.timeout`, is the limit.
        """

    async def block(self, patterns: Sequence[str]) -> None:
        """From now on refuse requests whose address matches one of `patterns` (`*` is the only wildcard)."""

    async def reclaim(self) -> None:
        """Make Chromium give memory back while the page stays open."""


class PlaywrightLane:
    """A lane over a Playwright page. Whoever made the page owns it; this only drives it."""

    def __init__(self, page: Page, session: CDPSession) -> None:
        self._page = page
        self._session = session
        self._blocked: tuple[str, ...] = ()
        self._network_is_enabled = False
        self._saved: _SavedDocument | None = None
        self._crashed = asyncio.Event()
        page.on("crash", self._on_crash)

    @classmethod
    async def over(cls, page: Page) -> PlaywrightLane:
        """Attach to `page`."""
        return cls(page, await page.context.new_cdp_session(page))

    @property
    def page(self) -> Page:
        """The Playwright page itself."""
        return self._page

    async def open(self, url: str, *, timeout_seconds: float, saved_html: bytes | None = None) -> Opened:
        """See `Lane.open`."""
        if self._saved is not None:
            await self._unless_crashed(self._saved.stop())
            self._saved = None
        if saved_html is not None:
            self._saved = _SavedDocument(self._session, saved_html)
            await self._unless_crashed(self._saved.start())
        return await self._navigate(url, timeout_seconds)

    async def evaluate(self, script: str, argument: object = None) -> Any:
        """See `Lane.evaluate`."""
        return await self._unless_crashed(self._page.evaluate(script, argument))

    async def block(self, patterns: Sequence[str]) -> None:
        """See `Lane.block`."""
        wanted = tuple(patterns)
        if wanted == self._blocked:
            return
        if not self._network_is_enabled:
            await self._send("Network.enable")
            self._network_is_enabled = True
        await self._send("Network.setBlockedURLs", {"urls": list(wanted)})
        self._blocked = wanted

    async def reclaim(self) -> None:
        """See `Lane.reclaim`."""
        async with asyncio.timeout(RECLAIM_SECONDS):
            await self._send("HeapProfiler.collectGarbage")
            await self._send("Memory.simulatePressureNotification", {"level": "critical"})

    async def _navigate(self, url: str, timeout_seconds: float) -> Opened:
        going = self._page.goto(url, wait_until="commit", timeout=timeout_seconds * 1000)
        try:
            response = await self._unless_crashed(going)
        except PlaywrightTimeout:
            raise NavigationTimeout(url, timeout_seconds) from None
        except Error as error:
            failed = _navigation_error(url, error)
            if isinstance(failed, NavigationFailed):
                await self._settle()
            raise failed from None
        if response is None:
            return Opened(self._page.url, None, {})
        return Opened(self._page.url, response.status, response.headers, _redirects(response))

    async def _settle(self) -> None:
        """Wait for the error page of an address that failed: it comes late, and would interrupt the next address."""
        if self._page.url.startswith(ERROR_PAGE):
            return
        try:
            await self._unless_crashed(
                self._page.wait_for_url(f"{ERROR_PAGE}**", wait_until="commit", timeout=SETTLE_SECONDS * 1000)
            )
        except PlaywrightTimeout:
            # There is none for this failure, as for a download.
            return

    async def _send(self, method: str, parameters: dict[str, Any] | None = None) -> Any:
        try:
            return await self._unless_crashed(self._session.send(method, parameters))
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

    def _on_crash(self, _page: Page) -> None:
        self._crashed.set()


class _SavedDocument:
    """From start to stop the first document is the saved text, and every other request is refused.

    It goes on after the document was committed: a saved page asks for scripts and images later too, and none of that
    may reach the network.
    """

    def __init__(self, session: CDPSession, html: bytes) -> None:
        self._session = session
        self._html = html
        self._served = False
        self._tasks: set[asyncio.Task[Any]] = set()

    async def start(self) -> None:
        self._session.on("Fetch.requestPaused", self._on_request)
        await self._session.send("Fetch.enable", {"patterns": [{"urlPattern": "*"}]})

    async def stop(self) -> None:
        self._session.remove_listener("Fetch.requestPaused", self._on_request)
        await self._session.send("Fetch.disable")

    def _on_request(self, event: dict[str, Any]) -> None:
        task = asyncio.create_task(self._answer_unless_gone(event))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer_unless_gone(self, event: dict[str, Any]) -> None:
        # The page may close, or go elsewhere, while its requests wait: then nobody wants the answer any more.
        with contextlib.suppress(Error):
            await self._answer(event)

    async def _answer(self, event: dict[str, Any]) -> None:
        request = event["requestId"]
        if self._served or event["resourceType"] != "Document":
            await self._session.send("Fetch.failRequest", {"requestId": request, "errorReason": "BlockedByClient"})
            return
        self._served = True
        await self._session.send(
            "Fetch.fulfillRequest",
            {
                "requestId": request,
                "responseCode": 200,
                "responseHeaders": [{"name": "Content-Type", "value": "text/html; charset=utf-8"}],
                "body": base64.b64encode(self._html).decode("ascii"),
            },
        )


def _is_gone(error: Error) -> bool:
    text = str(error)
    return any(mark in text for mark in ("has been closed", "Target closed", "crashed", "Connection closed"))


def _browser_error(error: Error) -> BrowserGone:
    text = str(error).splitlines()[0]
    return PageCrashed(text) if "crashed" in text else BrowserGone(text)


def _navigation_error(url: str, error: Error) -> NavigationFailed | BrowserGone:
    text = str(error).splitlines()[0]
    if _is_gone(error):
        return _browser_error(error)
    if "Download is starting" in text:
        return NavigationBecameDownload(url)
    _, mark, rest = text.partition("net::")
    return NavigationFailed(url, rest.split(" ")[0] if mark else text)


def _redirects(response: Response) -> tuple[str, ...]:
    chain: list[str] = []
    request = response.request.redirected_from
    while request is not None:
        chain.append(request.url)
        request = request.redirected_from
    return tuple(reversed(chain))
