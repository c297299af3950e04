"""Who asked the demo site for what: so that blocking and politeness can be checked from the other side."""

from __future__ import annotations

from collections import Counter, deque
from time import monotonic
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

KINDS = {"api": "api", "client": "bundle", "images": "images", "tracker": "tracker", "robots.txt": "robots"}
"""What a request counts as, by the first part of its path. All else is a page."""

_UNCOUNTED = ("/api/stats", "/api/tick", "/api/trouble")
_PAGES_REMEMBERED = 1000


class Traffic:
    """An ASGI layer that counts requests by kind, and remembers when pages were asked for."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._started = monotonic()
        self._requests: Counter[str] = Counter()
        self._pages_at_seconds: deque[float] = deque(maxlen=_PAGES_REMEMBERED)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count the request and pass it on."""
        if scope["type"] == "http":
            scope["traffic"] = self
            if scope["path"] not in _UNCOUNTED:
                self._count(scope["path"])
        await self._app(scope, receive, send)

    def stats(self) -> dict[str, Any]:
        """Say how many requests of each kind came, and when the last 1000 pages were asked for.

        `pages_at_seconds` counts from the start of the server.
        """
        kinds = ("pages", *KINDS.values())
        return {
            "requests": {kind: self._requests[kind] for kind in kinds},
            "pages_at_seconds": list(self._pages_at_seconds),
        }

    def _count(self, path: str) -> None:
        kind = KINDS.get(path.split("/", 2)[1], "pages")
        self._requests[kind] += 1
        if kind == "pages":
            self._pages_at_seconds.append(round(monotonic() - self._started, 4))
