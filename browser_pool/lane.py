"""The few verbs that reading a page needs, behind one small interface.

A lane is a page of Chromium, seen by somebody who only reads: open an address, evaluate one script, block what
costs memory and adds nothing, give memory back. There are two: `cdp.lane` speaks to Chromium directly, `node.lane`
through Playwright, whose page can be had there. What reads pages can't tell which one it has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

RECLAIM_SECONDS = 5.0
"""How long Chromium gets to give memory back. A page that hangs does not answer, and is not waited for."""


@dataclass(frozen=True, slots=True)
class Opened:
    """What came back for an address.

    `url` is where it ended, after redirects; `status` is the HTTP status of the document, None where there was no
    HTTP; header names are lower case. `redirects` are the addresses that sent it on, the one asked for first.
    """

    url: str
    status: int | None
    headers: Mapping[str, str] = field(default_factory=dict)
    redirects: tuple[str, ...] = ()


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

    async def reclaim(self) -> None:
        """Make Chromium give memory back while the page stays open."""
