"""A browser: starting, serving, draining, closed.

A browser makes contexts and gives memory back. It does not know who uses them: that is the pool's table. There are
two kinds. `cdp.browser` speaks to Chromium directly; its contexts have the verbs of a lane. `node.browser` does
it through Playwright and its Node driver; its contexts have a Playwright page as well.
"""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from browser_pool.endpoint import Endpoint
from browser_pool.identity import Identity
from browser_pool.lane import Lane

if TYPE_CHECKING:
    from playwright.async_api import Page


class BrowserState(StrEnum):
    """What a browser is doing."""

    STARTING = "starting"
    SERVING = "serving"
    DRAINING = "draining"
    CLOSED = "closed"


class OpenContext(Protocol):
    """What Chromium has of a context."""

    @property
    def lane(self) -> Lane:
        """The verbs over its page."""

    @property
    def page(self) -> Page | None:
        """The Playwright page, where there is one. Whoever asks for it is taken to have used it."""

    async def reset(self) -> None:
        """Make it as good as new for the next of its kind. Raises `BrowserGone`."""

    async def processor_seconds(self) -> float:
        """See `renderers`. Raises `BrowserGone` and `CommandFailed`."""

    async def close(self) -> None:
        """End it and its pages. Raises `BrowserGone`."""


class Browser(ABC):
    """A running Chromium. `root_pid` is the process under which all of it runs, None if it runs elsewhere.

    `settled_bytes` is what it held when it came of age, see `wear`.
    """

    has_pages: bool
    """Whether its contexts have a Playwright page."""

    def __init__(self, endpoint: Endpoint, *, version: str, is_sandboxed: bool | None, root_pid: int | None) -> None:
        self.endpoint = endpoint
        self.version = version
        self.is_sandboxed = is_sandboxed
        self.root_pid = root_pid
        self.state = BrowserState.SERVING
        self.settled_bytes: int | None = None
        self.contexts_opened = 0
        self._ending: asyncio.Future[None] | None = None
        self._launched_seconds = time.monotonic()

    @property
    def age_seconds(self) -> float:
        """Since it was launched."""
        return time.monotonic() - self._launched_seconds

    @property
    @abstractmethod
    def is_alive(self) -> bool:
        """Connected. A wedged browser looks alive from here; a deadline tells."""

    @abstractmethod
    async def open_context(self, identity: Identity) -> OpenContext:
        """A new context with a page, dressed as `identity`. Raises `BrowserGone` and `IdentityRefused`."""

    @abstractmethod
    async def reclaim(self) -> None:
        """Make the browser process itself give memory back."""

    @abstractmethod
    async def check(self) -> None:
        """Have its first process and its network process say a word. Raises `BrowserGone`; hangs if one of them does.

        Cookies are the network process's: to ask for those that the default context has, none, is to ask it.
        """

    @abstractmethod
    async def renderers(self) -> dict[int, float]:
        """By pid, the processor seconds of each renderer. Raises `BrowserGone` and `CommandFailed`."""

    async def close(self) -> None:
        """End it. Safe to call twice, and when it is dead or wedged. One that runs elsewhere is only left.

        It goes on to its end if whoever waits for it is cancelled.
        """
        if self._ending is None:
            self.state = BrowserState.CLOSED
            self._ending = asyncio.ensure_future(self._end())
        await asyncio.shield(self._ending)

    @abstractmethod
    async def _end(self) -> None:
        """See `close`. Called once."""

    @abstractmethod
    def kill(self) -> None:
        """End it the hard way, for one that no longer answers."""
