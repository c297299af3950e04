"""A page and the targets that it brings along: frames that live in processes of their own, and workers.

Rules that were told to the page do not hold in those (tried: an image that was blocked in the page came through in a
frame of another process, and in a worker). So Chromium is asked to hold each of them back as it starts, until it was
told the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import structlog

from browser_pool.blocking import NOTHING, Blocking
from browser_pool.errors import BrowserGone
from browser_pool.fence import MayOpen
from browser_pool.hearing import DEAF
from browser_pool.interception import Interception
from browser_pool.line import Line

log = structlog.get_logger()

Command = tuple[str, dict[str, Any]]

BLANK = "about:blank"
LEAVE_SECONDS = 5.0

FRAMES = frozenset({"iframe", "page"})

WORN_BY_WORKERS = frozenset({"Emulation.setUserAgentOverride"})
"""What of the dress a worker has to be told itself (tried: it asked servers in the language of the page, and told
scripts another)."""


class Family:
    """`dress` are commands for every frame: what it is to look like, and where it is to seem to be.

    `is_shared`: somebody else drives the page as well, and lets what is held back run before we have told it a word.
    """

    def __init__(
        self,
        line: Line,
        *,
        dress: Sequence[Command] = (),
        credentials: tuple[str, str] | None = None,
        is_shared: bool = False,
    ) -> None:
        self._line = line
        self._dress = tuple(dress)
        self._children: dict[str, tuple[Line, bool]] = {}
        self._blocking = NOTHING
        self._leaving: asyncio.Task[None] | None = None
        self.interception = Interception(credentials, watches_urls=is_shared)

    async def start(self) -> None:
        """Dress the page, and have Chromium hold back what it brings along."""
        self.interception.join(self._line)
        self._listen(self._line)
        for method, parameters in (*self._dress, *self._hold_back(self._line), ("Network.enable", DEAF)):
            await self._line.send(method, **parameters)
        await self._intercept()

    async def block(self, blocking: Blocking) -> None:
        """From now on refuse what it names, in the whole family."""
        if blocking == self._blocking:
            return
        command = self.interception.command()
        self._blocking = self.interception.blocking = blocking
        for child, _ in self._children.values():
            child.tell("Network.setBlockedURLs", urls=list(blocking.urls))
        await self._line.send("Network.setBlockedURLs", urls=list(blocking.urls))
        if self.interception.command() != command:
            await self._intercept()

    async def serve(self, html: bytes | None) -> None:
        """Let a saved page stand in place of the network; None: the network again."""
        if html is None and not self.interception.serves_saved:
            return
        self.interception.serve(html)
        await self._intercept()

    async def fence(self, may_open: MayOpen | None) -> None:
        """From now on ask before a document comes from a host that is new; None: don't."""
        if may_open is not None and not self.interception.main_frame:
            # The target of a page bears the name of its frame.
            answer = await self._line.send("Target.getTargetInfo")
            self.interception.main_frame = answer["targetInfo"]["targetId"]
            await self._line.send("Page.enable")
            self._line.on("Page.frameNavigated", self._on_navigated)
        command = self.interception.command()
        self.interception.may_open = may_open
        self.interception.set_out("")
        if self.interception.command() != command:
            await self._intercept()

    async def revalidate(self, *, enabled: bool) -> None:
        """From now on have servers asked for documents and fetches that are in the HTTP cache, or no longer."""
        if enabled == self.interception.revalidates:
            return
        self.interception.revalidates = enabled
        await self._intercept()

    async def set_out(self, url: str) -> bool:
        """`url` is about to be opened. Whether a page that strayed had to be left first."""
        leaving, self._leaving = self._leaving, None
        if leaving is not None:
            await asyncio.wait({leaving})
        self.interception.set_out(url)
        return leaving is not None

    def _on_navigated(self, event: dict[str, Any]) -> None:
        passage, url = self.interception.passage, event["frame"]["url"]
        if "parentId" not in event["frame"] and passage.is_stray(url):
            passage.stray = url
            log.info("document.left", url=url, reason="it came without a request that could have been asked about")
            self._leaving = asyncio.create_task(self._leave())

    async def _leave(self) -> None:
        gone: tuple[type[Exception], ...] = (*self._line.refusals, BrowserGone, TimeoutError)
        try:
            async with asyncio.timeout(LEAVE_SECONDS):
                await self._line.send("Page.navigate", url=BLANK)
        except gone:
            # It went elsewhere, or is gone: then the next verb says so.
            return

    async def _intercept(self) -> None:
        method, parameters = self.interception.command()
        for child, is_frame in self._children.values():
            if is_frame:
                child.tell(method, **parameters)
        await self._line.send(method, **parameters)

    def _listen(self, line: Line) -> None:
        line.on("Target.attachedToTarget", lambda event: self._welcome(line, event))
        line.on("Target.detachedFromTarget", lambda event: self._forget(event["sessionId"]))

    def _forget(self, session: str) -> None:
        self._children.pop(session, None)

    def _hold_back(self, line: Line) -> tuple[Command, ...]:
        attach = {"autoAttach": True, "waitForDebuggerOnStart": True, "flatten": line.is_flat}
        return (("Target.setAutoAttach", attach),)

    def _welcome(self, parent: Line, event: dict[str, Any]) -> None:
        """Tell a newcomer what holds for the others, and then let it run. In this order, and without waiting."""
        session = event["sessionId"]
        line = parent.child(session)
        is_frame = event["targetInfo"]["type"] in FRAMES
        self._children[session] = line, is_frame
        self._listen(line)
        self.interception.join(line)
        commands: list[Command] = [*self._hold_back(line), ("Network.enable", DEAF)]
        if self._blocking.urls:
            commands.append(("Network.setBlockedURLs", {"urls": list(self._blocking.urls)}))
        if is_frame:
            commands += [*self._dress, self.interception.command()]
        else:
            commands += [command for command in self._dress if command[0] in WORN_BY_WORKERS]
        for method, parameters in (*commands, ("Runtime.runIfWaitingForDebugger", {})):
            line.tell(method, **parameters)
