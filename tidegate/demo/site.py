"""The demo site as an ASGI application: routes, and what stands in the way of them.

It is a site and nothing else: it knows nothing of the program that reads it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from time import monotonic
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from tidegate.demo import answers, pages
from tidegate.demo.bundle import client_assets
from tidegate.demo.images import face_svg, landscape_png
from tidegate.demo.members import COOKIE, LOCAL_ITEM, Members
from tidegate.demo.traffic import Traffic
from tidegate.demo.troubles import MOST_SECONDS, NOT_FOUND, STATES, Kind, State, Trouble
from tidegate.demo.world import FeedPage, Profile, Thread, World

ROBOTS = "User-agent: *\nDisallow: /private/\nAllow: /\n"

_ELSEWHERE = {Kind.REDIRECT_PRIVATE: "http://10.255.255.1/", Kind.REDIRECT_FILE: "file:///etc/passwd"}
_PIXEL = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")
_FOR_A_DAY = {"Cache-Control": "public, max-age=86400"}


class DemoSiteApp:
    """The routes of the demo site over one world.

    `troubles` assigns a trouble to post ids; the whole site's and `?trouble=` on a page come first. With
    `tick_seconds` the tick advances by one each time so many seconds have passed; 0 leaves it alone.
    """

    def __init__(
        self, world: World, *, troubles: Mapping[str, Trouble] | None = None, tick_seconds: float = 0.0
    ) -> None:
        self._world = world
        self._first_tick = world.tick
        self._tick_seconds = tick_seconds
        self._ticking_since = monotonic()
        self._troubles = dict(troubles or {})
        self._trouble_of_all: Trouble | None = None
        self._members = Members()
        self._assets = client_assets()
        self._version = self._assets["app.js"].etag.strip('"')

    def application(self) -> Starlette:
        """Give the ASGI application."""
        document, api = self._document, self._api
        return Starlette(
            routes=[
                Route("/", document),
                Route("/search", document),
                Route("/@{handle}", document),
                Route("/@{handle}/post/{post_id}", document),
                Route("/light/@{handle}/post/{post_id}", document),
                Route("/private/{name:path}", document),
                Route("/members", document),
                Route("/login", self._login, methods=["GET", "POST"]),
                Route("/api/feed", api),
                Route("/api/search", api),
                Route("/api/members", api),
                Route("/api/profile/{handle}", api),
                Route("/api/post/{post_id}", api),
                Route("/api/stats", self._stats),
                Route("/api/tick", self._set_tick, methods=["PUT"]),
                Route("/api/trouble", self._set_trouble, methods=["PUT"]),
                Route("/client/{name}", self._asset),
                Route("/tracker/tracker.js", self._asset),
                Route("/tracker/beacon", self._beacon, methods=["POST"]),
                Route("/tracker/pixel.gif", self._pixel),
                Route("/images/face/{handle}.svg", self._face),
                Route("/images/post/{post_id}.png", self._picture),
                Route("/robots.txt", self._robots),
            ],
            middleware=[Middleware(Traffic)],
            exception_handlers={404: self._unknown_path},
        )

    @property
    def world(self) -> World:
        """The truth as of now."""
        if self._tick_seconds:
            passed = int((monotonic() - self._ticking_since) / self._tick_seconds)
            if (tick := self._first_tick + passed) != self._world.tick:
                self._world = self._world.at(tick)
        return self._world

    async def _document(self, request: Request) -> Response:
        try:
            trouble = self._trouble(request)
        except ValueError as error:
            return PlainTextResponse(str(error), 400)
        if trouble and (answer := await self._troubled_document(request, trouble)):
            return answer
        if (trouble and trouble.kind is Kind.NOT_FOUND) or not self._exists(request):
            state: State | None = NOT_FOUND
        else:
            state = STATES.get(trouble.kind) if trouble else None
        if not request.url.path.startswith("/light/"):
            shell = pages.shell(title=pages.SITE_NAME, version=self._version)
            return HTMLResponse(shell, state.status if state else 200, {"Cache-Control": "no-cache"})
        if state:
            return HTMLResponse(pages.state_page(state, version=self._version), state.status)
        thread = self._thread(request.path_params["post_id"], None, trouble)
        return HTMLResponse(pages.light_page(thread, self.world, version=self._version))

    async def _troubled_document(self, request: Request, trouble: Trouble) -> Response | None:
        """Answer in place of the page; None where the page is still to come."""
        match trouble.kind:
            case Kind.SLOW:
                await asyncio.sleep(min(trouble.amount, MOST_SECONDS))
            case Kind.HANG:
                return await _never(request)
            case Kind.DOWNLOAD:
                named = {"Content-Disposition": 'attachment; filename="posts.csv"'}
                return Response("id,likes\n1,2\n", media_type="text/csv", headers=named)
            case Kind.REDIRECT_LOOP:
                return RedirectResponse(f"{request.url.path}?{request.url.query}", 302)
            case Kind.REDIRECT_PRIVATE | Kind.REDIRECT_FILE:
                return RedirectResponse(_ELSEWHERE[trouble.kind], 302)
            case Kind.RATE_LIMITED | Kind.BLOCKED | Kind.INTERSTITIAL:
                state = STATES[trouble.kind]
                page = pages.state_page(state, version=self._version)
                return HTMLResponse(page, state.status, _retry_after(trouble))
        return None

    async def _api(self, request: Request) -> Response:
        try:
            trouble = self._trouble(request)
            answer = self._answer(request, trouble)
        except ValueError as error:
            return JSONResponse({"error": str(error)}, 400)
        except KeyError:
            return JSONResponse(answers.state_answer(NOT_FOUND), NOT_FOUND.api_status)
        if trouble and trouble.kind is Kind.API_500:
            return JSONResponse({"error": "out of cheese"}, 500)
        if trouble and trouble.kind is Kind.API_HANG:
            return await _never(request)
        state = STATES.get(trouble.kind) if trouble else None
        if request.url.path == "/api/members" and not self._members.knows(request.cookies.get(COOKIE)):
            state = STATES[Kind.LOGIN_WALL]
        if state:
            return JSONResponse(
                answers.state_answer(state), state.api_status, _retry_after(trouble) if trouble else {}
            )
        whole = answers.troubled(answer, self.world, trouble)
        return JSONResponse(whole, headers={"Cache-Control": "no-store"})

    def _answer(self, request: Request, trouble: Trouble | None) -> dict[str, Any]:
        """Look up what was asked for. Raises `KeyError` when there is no such thing, `ValueError` for bad cursors."""
        world, cursor = self.world, request.query_params.get("cursor")
        is_empty = trouble is not None and trouble.kind is Kind.EMPTY
        nothing = FeedPage((), None)
        match request.path_params:
            case {"post_id": post_id}:
                thread = self._thread(post_id, cursor, trouble)
                return answers.feed_answer(nothing, world) if is_empty else answers.thread_answer(thread, world)
            case {"handle": handle}:
                profile = world.profile(handle, cursor)
                return answers.profile_answer(Profile(profile.author, nothing) if is_empty else profile, world)
        if is_empty:
            return answers.feed_answer(nothing, world)
        if request.url.path == "/api/search":
            return answers.feed_answer(world.search(request.query_params.get("q", ""), cursor), world)
        return answers.feed_answer(world.feed(cursor), world)

    def _thread(self, post_id: str, cursor: str | None, trouble: Trouble | None) -> Thread:
        """Look a thread up, or lie about it. Raises `KeyError` for an unknown post."""
        world = self.world
        thread = world.thread(post_id, cursor)
        match trouble and trouble.kind:
            case Kind.WRONG_POST:
                return Thread((), world.posts[world.posts.index(thread.post) - 1], FeedPage((), None))
            case Kind.WRONG_ID:
                return replace(thread, post=replace(thread.post, id=str(int(post_id) + 1)))
        return thread

    def _trouble(self, request: Request) -> Trouble | None:
        if asked := request.query_params.get("trouble"):
            return Trouble.parse(asked)
        if self._trouble_of_all:
            return self._trouble_of_all
        return self._troubles.get(request.path_params.get("post_id", ""))

    def _exists(self, request: Request) -> bool:
        find: dict[str, Callable[[str], object]] = {"post_id": self.world.post, "handle": self.world.author}
        try:
            for name, value in request.path_params.items():
                find.get(name, str)(value)
        except KeyError:
            return False
        return True

    async def _login(self, request: Request) -> Response:
        """The form; and what comes of it: a cookie, and an entry of local storage that the page makes itself."""
        if request.method == "GET":
            page = pages.login_page(by_itself="itself" in request.query_params, version=self._version)
            return HTMLResponse(page, headers={"Cache-Control": "no-store"})
        ticket = self._members.admit((await request.body()).decode(errors="replace"))
        if ticket is None:
            return HTMLResponse(pages.login_page(is_wrong=True, version=self._version), 403)
        handle = self.world.posts[0].author.handle
        welcome = pages.welcome_page(LOCAL_ITEM, ticket.entry, handle=handle, version=self._version)
        answer = HTMLResponse(welcome)
        answer.set_cookie(COOKIE, ticket.cookie, max_age=ticket.SECONDS, httponly=True, samesite="lax")
        return answer

    async def _asset(self, request: Request) -> Response:
        asset = self._assets.get(request.path_params.get("name", "tracker.js"))
        if asset is None:
            return PlainTextResponse("no such file", 404)
        headers = {**_FOR_A_DAY, "ETag": asset.etag, "Vary": "Accept-Encoding"}
        if request.headers.get("if-none-match") == asset.etag:
            return Response(status_code=304, headers=headers)
        if "gzip" in request.headers.get("accept-encoding", ""):
            headers["Content-Encoding"] = "gzip"
            return Response(asset.gzipped, media_type=asset.media_type, headers=headers)
        return Response(asset.body, media_type=asset.media_type, headers=headers)

    async def _face(self, request: Request) -> Response:
        try:
            author = self.world.author(request.path_params["handle"])
        except KeyError:
            return PlainTextResponse("no such author", 404)
        return Response(face_svg(author.handle, author.name), media_type="image/svg+xml", headers=_FOR_A_DAY)

    async def _picture(self, request: Request) -> Response:
        post_id = request.path_params["post_id"]
        return Response(landscape_png(post_id), media_type="image/png", headers=_FOR_A_DAY)

    async def _beacon(self, _request: Request) -> Response:
        return Response(status_code=204)

    async def _pixel(self, _request: Request) -> Response:
        return Response(_PIXEL, media_type="image/gif", headers={"Cache-Control": "no-store"})

    async def _robots(self, _request: Request) -> Response:
        return PlainTextResponse(ROBOTS)

    async def _stats(self, request: Request) -> Response:
        traffic: Traffic = request.scope["traffic"]
        return JSONResponse({"tick": self.world.tick, **traffic.stats()})

    async def _set_tick(self, request: Request) -> Response:
        try:
            tick = int((await request.body()).decode())
            self._world = self._world.at(tick)
        except ValueError as error:
            return JSONResponse({"error": str(error)}, 400)
        self._first_tick, self._ticking_since = tick, monotonic()
        return JSONResponse({"tick": tick})

    async def _set_trouble(self, request: Request) -> Response:
        try:
            text = (await request.body()).decode()
            self._trouble_of_all = Trouble.parse(text) if text else None
        except ValueError as error:
            return JSONResponse({"error": str(error)}, 400)
        return JSONResponse({"trouble": text or None})

    async def _unknown_path(self, _request: Request, _error: Exception) -> Response:
        return HTMLResponse(pages.state_page(NOT_FOUND, version=self._version), 404)


async def _never(request: Request) -> Response:
    """Wait until the client has gone away; the server's own shutdown ends it too."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
    return Response(status_code=204)


def _retry_after(trouble: Trouble) -> dict[str, str]:
    return {"Retry-After": str(int(trouble.amount))} if trouble.kind is Kind.RATE_LIMITED else {}
