"""The verbs of a lane over bare CDP.

Three things make it fast: nothing is asked of the page that the reader does not need, a navigation is over as soon as
the document has begun to arrive, and what is read comes back from one evaluation.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from browser_pool.blocking import Blocking
from browser_pool.cdp.connection import Session
from browser_pool.errors import (
    BrowserGone,
    NavigationBecameDownload,
    NavigationFailed,
    NavigationRefused,
    NavigationTimeout,
    NavigationWithoutPage,
    NoScreenshot,
    PageReplaced,
    ScriptFailed,
)
from browser_pool.family import Family
from browser_pool.fence import STRAYED, MayOpen
from browser_pool.fetches import Fetches
from browser_pool.hearing import Heard, Hearing
from browser_pool.lane import ABORTED, RECLAIM_SECONDS, SCREENSHOT_SECONDS, Opened
from browser_pool.line import CommandFailed, picture

REPLACED = (
    "Cannot find default execution context",
    "Execution context was destroyed",
    "Inspected target navigated or closed",
    "Promise was collected",
    "Cannot find context",
)
"""How Chromium says that the document went away under an evaluation."""


@dataclass(slots=True)
class _Arrival:
    """What is known of a document on its way: the addresses that sent it on, and the answer of the last."""

    redirects: list[str] = field(default_factory=list)
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    remote: str | None = None


class CdpLane:
    """A `Lane` over the session of a page. Whoever made the page owns it; this only drives it.

    `is_proxied`: what comes, comes from a proxy, and where that had it from is not known.
    """

    def __init__(self, session: Session, family: Family, *, is_proxied: bool = False) -> None:
        self.line = session
        self._family = family
        self._hearing = Hearing(session)
        self._fetches = Fetches(session)
        self._is_proxied = is_proxied
        self._arrivals: dict[str, _Arrival] = {}
        self._committed: dict[str, str] = {}
        self._wanted: tuple[str, asyncio.Future[Any]] | None = None
        session.on("Network.requestWillBeSent", self._on_request)
        session.on("Network.responseReceived", self._on_response)
        session.on("Page.frameNavigated", self._on_navigated)
        session.on("Page.javascriptDialogOpening", self._on_dialog)

    async def start(self) -> None:
        """Have the page announce what matters to a reader."""
        for domain in ("Page", "Inspector"):
            await self.line.send(f"{domain}.enable")
        await self._family.start()

    async def open(self, url: str, *, timeout_seconds: float, saved_html: bytes | None = None) -> Opened:
        """See `Lane.open`."""
        limit = asyncio.timeout(timeout_seconds)
        try:
            async with limit:
                await self._family.serve(saved_html)
                await self._family.set_out(url)
                self._hearing.set_out()
                self._fetches.set_out(url)
                opened = await self._navigate(url)
                self._family.interception.passage.has_arrived = True
                return opened
        except TimeoutError:
            if not limit.expired():
                raise
            self.line.tell("Page.stopLoading")
            raise NavigationTimeout(url, timeout_seconds) from None
        except CommandFailed as error:
            raise NavigationFailed(url, "ERR_INVALID_URL" if "invalid URL" in str(error) else str(error)) from None
        finally:
            self._arrivals.clear()
            self._committed.clear()
            self._wanted = None

    async def evaluate(self, script: str, argument: object = None) -> Any:
        """See `Lane.evaluate`."""
        expression = f"({script})({json.dumps(argument)})"
        try:
            answer = await self.line.send(
                "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
            )
        except CommandFailed as error:
            raise _failed(str(error)) from None
        if (stray := self._family.interception.passage.stray) is not None:
            raise PageReplaced(STRAYED.format(stray))
        if "exceptionDetails" in answer:
            raise _failed(_words(answer["exceptionDetails"]))
        return answer["result"].get("value")

    async def block(self, urls: Sequence[str] = (), kinds: Sequence[str] = ()) -> None:
        """See `Lane.block`."""
        try:
            await self._family.block(Blocking.of(urls, kinds))
        except CommandFailed as error:
            raise BrowserGone(str(error)) from None

    async def fence(self, may_open: MayOpen | None) -> None:
        """See `Lane.fence`."""
        try:
            await self._family.fence(may_open)
        except CommandFailed as error:
            raise BrowserGone(str(error)) from None

    async def revalidate(self, *, enabled: bool) -> None:
        """See `Lane.revalidate`."""
        try:
            await self._family.revalidate(enabled=enabled)
        except CommandFailed as error:
            raise BrowserGone(str(error)) from None

    async def hear(self, urls: Sequence[str]) -> None:
        """See `Lane.hear`."""
        try:
            await self._hearing.hear(urls)
        except CommandFailed as error:
            raise BrowserGone(str(error)) from None

    async def heard(self) -> list[Heard]:
        """See `Lane.heard`."""
        try:
            return await self._hearing.heard()
        except CommandFailed as error:
            raise BrowserGone(str(error)) from None

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
        return await self._fetches.done(timeout_seconds=timeout_seconds)

    async def screenshot(self, *, timeout_seconds: float = SCREENSHOT_SECONDS) -> bytes:
        """See `Lane.screenshot`."""
        try:
            async with asyncio.timeout(timeout_seconds):
                return await picture(self.line)
        except TimeoutError:
            raise NoScreenshot(f"it did not answer in {timeout_seconds:.1f} s") from None
        except CommandFailed as error:
            raise NoScreenshot(str(error)) from None

    async def reclaim(self) -> None:
        """See `Lane.reclaim`."""
        try:
            async with asyncio.timeout(RECLAIM_SECONDS):
                await self.line.send("HeapProfiler.collectGarbage")
                await self.line.send("Memory.simulatePressureNotification", level="critical")
        except CommandFailed as error:
            raise BrowserGone(str(error)) from None

    async def _navigate(self, url: str) -> Opened:
        answer = await self.line.send("Page.navigate", url=url)
        if answer.get("isDownload"):
            raise NavigationBecameDownload(url)
        if (refusal := self._family.interception.passage.refusal) is not None and "errorText" in answer:
            raise NavigationRefused(url, refusal.url, refusal.reason)
        document = answer.get("loaderId")
        if "errorText" in answer:
            status = self._arrivals.get(document or "", _Arrival()).status
            if status is not None and answer["errorText"] == ABORTED:
                raise NavigationWithoutPage(url, status)
            raise NavigationFailed(url, answer["errorText"].removeprefix("net::"))
        if document is None:
            # Only the part after the # is another: the document stays.
            return Opened(url, None)
        # Until then an evaluation would still meet the old document.
        final_url = self._committed.get(document) or await self._commit_of(document)
        arrival = self._arrivals.get(document, _Arrival())
        return Opened(final_url, arrival.status, arrival.headers, tuple(arrival.redirects), arrival.remote)

    async def _commit_of(self, document: str) -> str:
        commit = self.line.promise()
        self._wanted = document, commit
        url: str = await commit
        return url

    def _on_request(self, event: dict[str, Any]) -> None:
        if event.get("type") != "Document" or event["requestId"] != event.get("loaderId"):
            return
        arrival = self._arrivals.setdefault(event["requestId"], _Arrival())
        if "redirectResponse" in event:
            arrival.redirects.append(event["redirectResponse"]["url"])

    def _on_response(self, event: dict[str, Any]) -> None:
        if event.get("type") != "Document":
            return
        arrival = self._arrivals.setdefault(event["requestId"], _Arrival())
        response = event["response"]
        if response["url"].startswith("http"):
            arrival.status = response["status"]
            if not self._is_proxied:
                arrival.remote = response.get("remoteIPAddress", "").strip("[]") or None
            arrival.headers = {name.lower(): value for name, value in response["headers"].items()}

    def _on_navigated(self, event: dict[str, Any]) -> None:
        frame = event["frame"]
        if "parentId" in frame:
            return
        url = frame["url"] + frame.get("urlFragment", "")
        self._committed[frame["loaderId"]] = url
        if self._wanted is not None and self._wanted[0] == frame["loaderId"] and not self._wanted[1].done():
            self._wanted[1].set_result(url)

    def _on_dialog(self, event: dict[str, Any]) -> None:
        """A page that asks gets no for an answer, unless it asks whether it may be left."""
        self.line.tell("Page.handleJavaScriptDialog", accept=event["type"] == "beforeunload")


def _failed(words: str) -> ScriptFailed:
    return PageReplaced(words) if any(mark in words for mark in REPLACED) else ScriptFailed(words)


def _words(details: dict[str, Any]) -> str:
    """What was thrown, in one line."""
    thrown = details.get("exception", {})
    said = str(thrown.get("description", thrown.get("value", details.get("text", "an error without words"))))
    return said.splitlines()[0] if said else "an error without words"
