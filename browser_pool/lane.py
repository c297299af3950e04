"""The few verbs that reading a page needs, behind one small interface.

A lane is a page of Chromium, seen by somebody who only reads: open an address, evaluate one script, block what
costs memory and adds nothing, give memory back; where it is wanted, hear what the page is told, fence it in, take a
picture of it. There are two: `cdp.lane` speaks to Chromium directly, `node.lane`
through Playwright, whose page can be had there. What reads pages can't tell which one it has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from browser_pool.fence import MayOpen
from browser_pool.hearing import Heard

SCREENSHOT_SECONDS = 5.0
"""A page that hangs gives no picture."""

ABORTED = "net::ERR_ABORTED"
"""What Chromium says, among others, of an answer that has no page, such as 204."""

RECLAIM_SECONDS = 5.0
"""How long Chromium gets to give memory back. A page that hangs does not answer, and is not waited for."""


@dataclass(frozen=True, slots=True)
class Opened:
    """What came back for an address.

    `url` is where it ended, after redirects; `status` is the HTTP status of the document, None where there was no
    HTTP; header names are lower case. `redirects` are the addresses that sent it on, the one asked for first.
    `remote` is the IP address that the document came from. It is None where that says nothing about the site: over a
    proxy, or without the network.
    """

    url: str
    status: int | None
    headers: Mapping[str, str] = field(default_factory=dict)
    redirects: tuple[str, ...] = ()
    remote: str | None = None


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

        Raises `ScriptFailed` when the function throws, `PageReplaced` when the page went elsewhere meanwhile,
        `BrowserGone` when the page or its browser is gone. There is no time limit here: the deadline of the lease, or
        the caller's own `asyncio.timeout`, is the limit.
        """

    async def block(self, urls: Sequence[str] = (), kinds: Sequence[str] = ()) -> None:
        """From now on refuse requests whose address matches one of `urls`, or which are of one of `kinds`.

        In `urls` `*` is the only wildcard; kinds are "image", "font", "media" and the others of `blocking.KINDS`.
        Frames and workers of the page are held to it as well. `ValueError` for a kind that is none.
        """

    async def fence(self, may_open: MayOpen | None) -> None:
        """From now on ask `may_open` before a document comes from a host that is new since `open`; None: don't.

        It is asked of redirects too, hop by hop, and of frames; not of the address given to `open`, which is its
        caller's affair. What it refuses is not requested: `open` raises `NavigationRefused`, a frame stays empty, and
        a page that sends itself elsewhere stays where it is.
        """

    async def revalidate(self, *, enabled: bool) -> None:
        """From now on ask servers for documents, frames, fetches and XMLHttpRequests that the HTTP cache holds.

        Whether they are what the cache has, is the server's to say (304). Scripts, styles, fonts and images come from
        the cache as before.
        """

    async def hear(self, urls: Sequence[str]) -> None:
        """From now on keep the JSON that the page asks for by fetch and XMLHttpRequest; `()`: no longer.

        That is what comes from an address that matches one of `urls`, `*` being the only wildcard, and is called JSON
        or looks like it. Frames and workers in processes of their own are not heard.
        """

    async def heard(self) -> list[Heard]:
        """What was heard since the last call or the last `open`, oldest first. What is still arriving is waited for.

        Not for long: a second, see `hearing.WAIT_SECONDS`.
        """

    @property
    def missed(self) -> int:
        """How many responses since the last `open` should have been heard and were not: too many, or too large."""

    @property
    def pending(self) -> int:
        """How many requests to its own site the page's scripts wait for, by fetch and XMLHttpRequest."""

    async def fetched(self, *, timeout_seconds: float) -> bool:
        """Wait until there is none of them left; False if that takes longer than `timeout_seconds`."""

    async def screenshot(self, *, timeout_seconds: float = SCREENSHOT_SECONDS) -> bytes:
        """What the page shows in its window, as WebP. Raises `NoScreenshot`, and `BrowserGone`."""

    async def reclaim(self) -> None:
        """Make Chromium give memory back while the page stays open."""
