"""What a page has asked for by fetch and XMLHttpRequest and has not got yet.

A number that shows while its request is on the way may be what the server wrote until then. Only requests to the
page's own site count: what measures visits elsewhere changes nothing that is read. Frames and workers that live in
targets of their own are not seen.
"""

from __future__ import annotations

import asyncio
import re
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

from browser_pool.line import Line

KINDS = frozenset({"XHR", "Fetch"})
LONG_SECONDS = 10.0
"""A request that has no answer after so long is a connection that the page holds open."""
HELD_OPEN = re.compile(
    r"poll|message-bus|socket|signalr|stream|/sse|beacon|telemetry|analytics|/collect|/track|/logs?\b"
)
"""What is in the addresses of requests that are answered when something happens, and of those that only report."""


class Fetches:
    """Keeps the requests of the page's own scripts that are on their way, by when they began."""

    def __init__(self, line: Line) -> None:
        self._began: dict[str, float] = {}
        self._site = ""
        self._document: str | None = None
        self._changed = asyncio.Event()
        line.on("Network.requestWillBeSent", self._on_request)
        for end in ("Network.loadingFinished", "Network.loadingFailed"):
            line.on(end, self._on_end)

    def set_out(self, url: str) -> None:
        """Another address is about to be opened: what belongs to the one before is forgotten."""
        self._began.clear()
        self._site, self._document = _site_of(url), None

    @property
    def pending(self) -> int:
        """How many are on their way."""
        since = monotonic() - LONG_SECONDS
        return sum(began > since for began in self._began.values())

    async def done(self, *, timeout_seconds: float) -> bool:
        """Wait until none is on its way; False if that takes longer than `timeout_seconds`."""
        until = monotonic() + timeout_seconds
        while self.pending:
            self._changed.clear()
            try:
                async with asyncio.timeout(min(until - monotonic(), LONG_SECONDS)):
                    await self._changed.wait()
            except TimeoutError:
                if monotonic() >= until:
                    return not self.pending
        return True

    def _on_request(self, event: dict[str, Any]) -> None:
        if event.get("type") == "Document" and self._document in {None, event["requestId"]}:
            # A redirect may lead to another site, and goes on under the same number.
            self._document, self._site = event["requestId"], _site_of(event["request"]["url"])
        elif event.get("type") in KINDS and self._is_own(event["request"]["url"]):
            self._began[event["requestId"]] = monotonic()

    def _is_own(self, url: str) -> bool:
        return _site_of(url) == self._site and HELD_OPEN.search(urlsplit(url).path.lower()) is None

    def _on_end(self, event: dict[str, Any]) -> None:
        if self._began.pop(event["requestId"], None) is not None:
            self._changed.set()


def _site_of(url: str) -> str:
    """The last two labels of a host; near enough for what belongs together, as a page and its interface."""
    host = urlsplit(url).hostname or ""
    return host if host.replace(".", "").isdigit() or ":" in host else ".".join(host.split(".")[-2:])
