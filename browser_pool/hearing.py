"""What a page asks for by itself: the JSON that comes back for its own scripts.

Such a page shows less than it was told. The responses are kept as they come, within bounds, until somebody asks for
them. Chromium hands a body out only while the document that asked for it is there, so each is fetched at once, one
after the other: no more than one is on its way to us.

Frames and workers that live in targets of their own are not heard.
"""

from __future__ import annotations

import asyncio
import base64
import sys
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from browser_pool.blocking import fits
from browser_pool.errors import BrowserGone
from browser_pool.line import Line

MOST_BODIES = 64
MOST_BYTES = 16 << 20
MOST_BODY_BYTES = 8 << 20
FETCH_SECONDS = 5.0
WAIT_SECONDS = 1.0
"""For what is still arriving when it is asked for. A page may show a response before its end has been announced."""

DEAF = {"maxTotalBufferSize": 0, "maxResourceBufferSize": 0}
LISTENING = {"maxTotalBufferSize": 2 * MOST_BYTES, "maxResourceBufferSize": MOST_BODY_BYTES}
"""What Chromium keeps of bodies for us, for `Network.enable`. Left to itself it keeps them all, in the memory of the
page: one that had fetched 12 times 6 MB held 72 MiB for it."""

KINDS = frozenset({"XHR", "Fetch"})


@dataclass(frozen=True, slots=True)
class Heard:
    """A response that the page itself has asked for."""

    url: str
    status: int
    body: str


@dataclass(slots=True)
class _Arriving:
    """A response whose end has not come yet. `is_late`: it has been waited for once, and is not any more."""

    url: str
    status: int
    is_json: bool
    is_late: bool = False


class Hearing:
    """Keeps what a page hears while `urls` are told; else nothing is asked of Chromium, and no event looked at.

    `missed` are the responses since the last `open` that fit and were not kept: too many, too large, or gone before
    they could be had.
    """

    def __init__(self, line: Line) -> None:
        self.missed = 0
        self._line = line
        self._urls: tuple[str, ...] = ()
        self._off: list[Any] = []
        self._arriving: dict[str, _Arriving] = {}
        self._ended: deque[tuple[str, _Arriving]] = deque()
        self._kept: list[Heard] = []
        self._kept_bytes = 0
        self._fetching: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._awaits_document = False

    async def hear(self, urls: Sequence[str]) -> None:
        """From now on keep responses whose address fits one of `urls`; none: nothing is kept any more."""
        if (urls := tuple(urls)) == self._urls:
            return
        was_on, self._urls = bool(self._urls), urls
        if urls and not was_on:
            await self._switch_on()
        elif not urls:
            await self._switch_off()

    def set_out(self) -> None:
        """Another address is about to be opened: what belongs to the one before is forgotten, also what yet comes."""
        if self._urls:
            self._forget()
            self._awaits_document = True

    async def heard(self) -> list[Heard]:
        """What has come since the last call or the last `set_out`, oldest first. Whoever takes it has it."""
        if not self._urls:
            return []
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                # Its answer comes after what was announced before. Playwright hears of the page on another line.
                await self._line.send("Network.enable", **LISTENING)
                while self._is_busy():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            for one in self._arriving.values():
                one.is_late = True
        kept, self._kept, self._kept_bytes = self._kept, [], 0
        return kept

    async def _switch_on(self) -> None:
        await self._line.send("Network.enable", **LISTENING)
        await self._line.send("Page.enable")
        on = self._line.on
        self._off = [
            on("Network.responseReceived", self._on_response),
            on("Network.loadingFinished", self._on_finished),
            on("Network.loadingFailed", self._on_failed),
            on("Page.frameNavigated", self._on_navigated),
        ]

    async def _switch_off(self) -> None:
        for off in self._off:
            off()
        self._off = []
        self._forget()
        self._awaits_document = False
        await self._line.send("Network.enable", **DEAF)

    def _forget(self) -> None:
        if self._fetching is not None:
            self._fetching.cancel()
            self._fetching = None
        self._arriving.clear()
        self._ended.clear()
        self._kept, self._kept_bytes, self.missed = [], 0, 0

    def _is_busy(self) -> bool:
        return self._fetching is not None or any(not one.is_late for one in self._arriving.values())

    def _on_navigated(self, event: dict[str, Any]) -> None:
        if self._awaits_document and "parentId" not in event["frame"]:
            self._awaits_document = False
            self._forget()

    def _on_response(self, event: dict[str, Any]) -> None:
        if event.get("type") not in KINDS:
            return
        response = event["response"]
        if any(fits(response["url"], one) for one in self._urls):
            is_json = "json" in response["mimeType"].lower()
            self._arriving[event["requestId"]] = _Arriving(response["url"], response["status"], is_json)

    def _on_failed(self, event: dict[str, Any]) -> None:
        if self._arriving.pop(event["requestId"], None) is not None:
            self._miss()

    def _on_finished(self, event: dict[str, Any]) -> None:
        one = self._arriving.pop(event["requestId"], None)
        if one is None:
            return
        is_one_too_many = len(self._kept) + len(self._ended) >= MOST_BODIES
        if is_one_too_many or event["encodedDataLength"] > MOST_BODY_BYTES:
            self._miss()
            return
        self._ended.append((event["requestId"], one))
        if self._fetching is None:
            self._fetching = asyncio.create_task(self._fetch())

    async def _fetch(self) -> None:
        """Get the bodies of what has ended, until there is none left."""
        try:
            while self._ended:
                request, one = self._ended[0]
                body = await self._body(request)
                self._ended.popleft()
                self._keep(one, body)
        finally:
            if self._fetching is asyncio.current_task():
                self._fetching = None
            self._changed.set()

    def _keep(self, one: _Arriving, body: str | None) -> None:
        if body is None:
            self._miss()
        elif one.is_json or body.lstrip()[:1] in {"{", "["}:
            # A text with one emoji takes four bytes for each of its letters.
            taken = sys.getsizeof(body)
            if len(body) > MOST_BODY_BYTES or self._kept_bytes + taken > MOST_BYTES:
                self._miss()
            else:
                self._kept.append(Heard(one.url, one.status, body))
                self._kept_bytes += taken

    async def _body(self, request: str) -> str | None:
        """None if Chromium does not have it any more, or is gone: then the next verb says so."""
        failures: tuple[type[Exception], ...] = (*self._line.refusals, BrowserGone, TimeoutError)
        try:
            async with asyncio.timeout(FETCH_SECONDS):
                answer = await self._line.send("Network.getResponseBody", requestId=request)
        except failures:
            return None
        body: str = answer["body"]
        return base64.b64decode(body).decode("utf-8", "replace") if answer["base64Encoded"] else body

    def _miss(self) -> None:
        self.missed += 1
        self._changed.set()
