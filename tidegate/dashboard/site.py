"""The routes of the dashboard. What they show comes from `State`; what may be asked at all is `Fence`'s to say."""

from __future__ import annotations

import asyncio
import functools
import getpass
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib import resources
from typing import Any, Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from browser_pool import BrowserPoolError, UnifiedBrowserPool
from jobs import JobManager
from memory import MemoryGuard
from scraper.store import drafts, planned, schedules
from scraper.store.database import Database
from scraper.store.errors import NothingWritten
from scraper.store.patience import is_database_trouble
from tidegate.dashboard.prometheus import Exposition
from tidegate.dashboard.state import HISTORY_HOURS, State
from tidegate.health import Check

EVERY_SECONDS: Final = 2.0
MOST_STREAMS: Final = 16
MOST_HOURS: Final = 24.0 * 14
MOST_BODY: Final = 64 * 1024
MOST_WHY: Final = 1000
MOST_NUMBER: Final = (1 << 63) - 1
PICTURE_MB: Final = 8.0
STATIC: Final = {
    "index.html": "text/html; charset=utf-8",
    "app.js": "text/javascript; charset=utf-8",
    "app.css": "text/css; charset=utf-8",
}

Handler = Callable[[Request], Awaitable[Response]]


class DashboardSite:
    """The application. `closing` ends what streams."""

    def __init__(
        self,
        state: State,
        *,
        guard: MemoryGuard,
        pool: UnifiedBrowserPool,
        database: Database,
        manager: JobManager,
        closing: asyncio.Event,
    ) -> None:
        self._state = state
        self._guard = guard
        self._pool = pool
        self._database = database
        self._manager = manager
        self._closing = closing
        self._streams = 0
        self._exposition = Exposition(state, guard, pool)

    def application(self) -> Starlette:
        """For a server."""
        routes = [
            Route("/", functools.partial(_static, "index.html")),
            Route("/healthz", self._alive),
            Route("/readyz", self._ready),
            Route("/metrics", self._metrics),
            Route("/state", self._now),
            Route("/events", self._events),
            Route("/history", self._history),
            Route("/leases/{number:int}/picture", self._picture),
            Route("/jobs/{job}/{what}", self._job, methods=["POST"]),
            Route("/drafts/{number:int}/{what}", self._draft, methods=["POST"]),
            Route("/planned/{number:int}/{what}", self._planned, methods=["POST"]),
            *(Route(f"/{name}", functools.partial(_static, name)) for name in STATIC if name != "index.html"),
        ]
        return Starlette(routes=routes, exception_handlers={HTTPException: _refused})

    def close(self) -> None:
        """Give back what it holds."""
        self._exposition.close()

    async def _alive(self, _: Request) -> Response:
        return PlainTextResponse("alive\n")

    async def _ready(self, _: Request) -> Response:
        checks = await self._state.checks()
        is_ready = all(check.is_ok for check in checks)
        return PlainTextResponse(_in_words(checks), 200 if is_ready else 503)

    async def _metrics(self, _: Request) -> Response:
        await self._state.rows()
        text, kind = self._exposition.text()
        return Response(text, media_type=kind)

    async def _now(self, _: Request) -> Response:
        return JSONResponse(await self._state.now())

    async def _history(self, request: Request) -> Response:
        try:
            hours = float(request.query_params.get("hours", HISTORY_HOURS))
        except ValueError:
            hours = -1.0
        if not 0 < hours <= MOST_HOURS:
            raise HTTPException(400, f"hours is a number up to {MOST_HOURS:.0f}")
        with _told():
            return JSONResponse(await self._state.history(hours))

    async def _events(self, _: Request) -> Response:
        if self._streams >= MOST_STREAMS:
            raise HTTPException(503, f"{MOST_STREAMS} are looking already")
        return StreamingResponse(self._stream(), media_type="text/event-stream")

    async def _stream(self) -> AsyncIterator[str]:
        self._streams += 1
        try:
            while not self._closing.is_set():
                yield f"data: {json.dumps(await self._state.now())}\n\n"
                with suppress(TimeoutError):
                    async with asyncio.timeout(EVERY_SECONDS):
                        await self._closing.wait()
        finally:
            self._streams -= 1

    async def _picture(self, request: Request) -> Response:
        """What the page of a lease shows: never what it runs."""
        safety = self._guard.is_memory_safe_for_operation(PICTURE_MB)
        if not safety.safe:
            # Looked at only: whoever looks is nobody whose skips are written down.
            raise HTTPException(503, f"memory is short: {safety.reason}")
        with _told():
            picture = await self._pool.picture(request.path_params["number"])
        return Response(picture, media_type="image/webp")

    async def _job(self, request: Request) -> Response:
        job, what = request.path_params["job"], request.path_params["what"]
        if job not in self._manager.jobs:
            raise HTTPException(404, f"there is no job {job[:80]}")
        with _told():
            if what == "run":
                await self._manager.ask(job)
            elif what in {"pause", "resume"}:
                if not await schedules.pause(self._database, job, is_paused=what == "pause"):
                    raise HTTPException(409, f"{job} has no schedule")
            else:
                raise HTTPException(404, f"a job can't be told to {what[:80]}")
        return await self._done()

    async def _draft(self, request: Request) -> Response:
        return await self._decide(request, drafts.approve, drafts.reject)

    async def _planned(self, request: Request) -> Response:
        return await self._decide(request, planned.approve, planned.reject)

    async def _decide(
        self, request: Request, approve: Callable[..., Awaitable[None]], reject: Callable[..., Awaitable[None]]
    ) -> Response:
        number, what = request.path_params["number"], request.path_params["what"]
        if number > MOST_NUMBER:
            raise HTTPException(404, "there is no such draft")
        body = await _body(request)
        with _told():
            if what == "approve":
                await approve(self._database, number, by=_who(), text=_text(body, "text") or None)
            elif what == "reject":
                await reject(self._database, number, by=_who(), why=_text(body, "why")[:MOST_WHY])
            else:
                raise HTTPException(404, f"a draft can't be told to {what[:80]}")
        return await self._done()

    async def _done(self) -> Response:
        self._state.forget_rows()
        return JSONResponse(await self._state.now())


async def _static(name: str, _: Request) -> Response:
    file = resources.files("tidegate.dashboard") / "static" / name
    return Response(file.read_bytes(), media_type=STATIC[name])


async def _body(request: Request) -> dict[str, Any]:
    """A small JSON object, or none."""
    body = b""
    try:
        async for piece in request.stream():
            body += piece
            if len(body) > MOST_BODY:
                raise HTTPException(413, f"at most {MOST_BODY} bytes")
    except ClientDisconnect:
        raise HTTPException(400, "the request broke off") from None
    try:
        value = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        raise HTTPException(400, "the body is no JSON") from None
    if not isinstance(value, dict):
        raise HTTPException(400, "the body is a JSON object")
    return value


def _text(body: Mapping[str, Any], key: str) -> str:
    """A text as the database can keep it. Raises `HTTPException`."""
    value = body.get(key) or ""
    if not isinstance(value, str) or "\0" in value or (not value.isascii() and _has_surrogates(value)):
        raise HTTPException(400, f"{key} is no text")
    return value.strip()


def _has_surrogates(value: str) -> bool:
    return any("\ud800" <= one <= "\udfff" for one in value)


def _who() -> str:
    """Whoever runs the program; the dashboard knows nobody by name."""
    try:
        return f"{getpass.getuser()} (dashboard)"
    except (KeyError, OSError):
        return "dashboard"


def _in_words(checks: tuple[Check, ...]) -> str:
    return "".join(f"{'ok' if check.is_ok else 'NOT OK'}  {check.name}: {check.says}\n" for check in checks)


async def _refused(_: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    return JSONResponse({"error": error.detail}, error.status_code, headers=error.headers)


@contextmanager
def _told() -> Iterator[None]:
    """What is known to go wrong in here is an answer. What is not is in the log, and the server goes on."""
    try:
        yield
    except BrowserPoolError as error:
        raise HTTPException(404, str(error)) from None
    except NothingWritten as error:
        raise HTTPException(409, str(error)) from None
    except Exception as error:
        if not is_database_trouble(error):
            raise
        raise HTTPException(503, f"the database does not answer: {str(error) or 'not in time'}") from None
