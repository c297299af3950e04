"""What a page asked for and got, as a HAR (HTTP Archive 1.2): the cookies and tokens are never in it."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, Final

import structlog
from playwright.async_api import Error, Page, Request, Response

from tidegate.redaction import REDACTED, Redaction, secrets_of_request

log = structlog.get_logger()

MOST_BODY_BYTES: Final = 2 << 20
MOST_BODIES_BYTES: Final = 48 << 20
MOST_ENTRIES: Final = 5_000
BODY_SECONDS: Final = 5.0
TEXTS: Final = ("text/", "application/json", "application/javascript", "application/xml", "+json", "+xml")


class Recorder:
    """The entries of a page's requests, in the order in which they began."""

    def __init__(self) -> None:
        self._began: dict[Request, datetime] = {}
        self._entries: dict[Request, dict[str, Any]] = {}
        self._work: set[asyncio.Task[None]] = set()
        self._room = MOST_BODIES_BYTES
        self.left_out = 0

    @asynccontextmanager
    async def listening(self, page: Page) -> AsyncIterator[Recorder]:
        """Listen to `page` while inside."""
        handlers: list[tuple[Any, Any]] = [
            ("request", self._on_request),
            ("requestfinished", self._on_end),
            ("requestfailed", self._on_end),
        ]
        for name, handler in handlers:
            page.on(name, handler)
        try:
            yield self
        finally:
            for name, handler in handlers:
                page.remove_listener(name, handler)
            for task in self._work:
                task.cancel()

    async def settle(self) -> None:
        """Wait for what is being fetched of requests that have ended."""
        if self._work:
            await asyncio.wait(self._work, timeout=BODY_SECONDS)

    def secrets(self) -> Iterator[str]:
        """What requests and answers carried that is called a secret."""
        for entry in self._entries.values():
            told = [*entry["request"]["headers"], *entry["response"]["headers"]]
            yield from secrets_of_request(entry["request"]["url"], ((one["name"], one["value"]) for one in told))

    def har(self, redaction: Redaction, *, browser: str) -> dict[str, Any]:
        """What was recorded, as a HAR."""
        entries = []
        for request, began in self._began.items():
            entry = self._entries.get(request) or _unanswered(request)
            entries.append({"startedDateTime": began.isoformat(), **entry})
        recorded = {
            "log": {
                "version": "1.2",
                "creator": {"name": "tidegate", "version": version("tidegate")},
                "browser": {"name": "Chromium", "version": browser},
                "pages": [],
                "entries": entries,
            }
        }
        told: dict[str, Any] = redaction.tree(recorded)
        return told

    def _on_request(self, request: Request) -> None:
        if len(self._began) >= MOST_ENTRIES:
            self.left_out += 1
            return
        self._began[request] = datetime.now(UTC)

    def _on_end(self, request: Request) -> None:
        if request in self._began:
            task = asyncio.create_task(self._fetch(request))
            self._work.add(task)
            task.add_done_callback(self._work.discard)

    async def _fetch(self, request: Request) -> None:
        try:
            async with asyncio.timeout(BODY_SECONDS):
                self._entries[request] = await self._entry(request)
        except (Error, TimeoutError) as error:
            # The page has gone on meanwhile, and Chromium has forgotten the body.
            log.debug("har.entry_incomplete", url=request.url, error=str(error).splitlines()[0] if str(error) else "")

    async def _entry(self, request: Request) -> dict[str, Any]:
        response = None if request.failure else await request.response()
        timing = request.timing
        total = max(timing["responseEnd"], 0.0)
        waited = max(timing["responseStart"] - max(timing["requestStart"], 0), 0.0)
        return {
            "time": total,
            "request": await _request(request),
            "response": _no_response(request) if response is None else await self._response(response),
            "cache": {},
            "timings": {"send": 0, "wait": waited, "receive": max(total - max(timing["responseStart"], 0), 0.0)},
        }

    async def _response(self, response: Response) -> dict[str, Any]:
        headers = await response.all_headers()
        kind = headers.get("content-type", "")
        content: dict[str, Any] = {"size": 0, "mimeType": kind or "x-unknown"}
        is_text = any(mark in kind for mark in TEXTS)
        if is_text and not 300 <= response.status < 400:
            body = await response.body()
            content["size"] = len(body)
            if len(body) <= min(MOST_BODY_BYTES, self._room):
                self._room -= len(body)
                content |= _text(body)
            else:
                content["comment"] = f"{len(body)} bytes, too many to be kept"
        return {
            "status": response.status,
            "statusText": response.status_text,
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": _pairs(headers),
            "content": content,
            "redirectURL": headers.get("location", ""),
            "headersSize": -1,
            "bodySize": -1,
        }


async def _request(request: Request) -> dict[str, Any]:
    told: dict[str, Any] = {
        "method": request.method,
        "url": request.url,
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": _pairs(await request.all_headers()),
        "queryString": [],
        "headersSize": -1,
        "bodySize": -1,
    }
    if request.method not in {"GET", "HEAD"}:
        told["postData"] = {"mimeType": request.headers.get("content-type", ""), "text": REDACTED}
    return told


def _unanswered(request: Request) -> dict[str, Any]:
    return {
        "time": 0,
        "request": {
            "method": request.method,
            "url": request.url,
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": _pairs(request.headers),
            "queryString": [],
            "headersSize": -1,
            "bodySize": -1,
        },
        "response": _no_response(request),
        "cache": {},
        "timings": {"send": 0, "wait": 0, "receive": 0},
    }


def _no_response(request: Request) -> dict[str, Any]:
    return {
        "status": 0,
        "statusText": request.failure or "no answer yet",
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": [],
        "content": {"size": 0, "mimeType": "x-unknown"},
        "redirectURL": "",
        "headersSize": -1,
        "bodySize": -1,
    }


def _pairs(headers: dict[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in headers.items() if not name.startswith(":")]


def _text(body: bytes) -> dict[str, str]:
    try:
        return {"text": body.decode("utf-8")}
    except UnicodeDecodeError:
        return {"text": base64.b64encode(body).decode("ascii"), "encoding": "base64"}
