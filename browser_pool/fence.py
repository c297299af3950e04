"""Where a document may come from: asked before each request for one is made, also for each hop of a redirect.

A page that may be opened can lead to one that may not: by a redirect, by a frame, or by a script that goes elsewhere.
Whoever knows what may be opened is asked for each host that is new since the address that was asked for. It has
`ASK_SECONDS`; no answer is a no.

What documents fetch besides, Chromium guards itself: a page from the public internet gets no image, script, frame,
fetch or socket from a private address (tests/browser_pool/test_fence.py). One thing it lets pass: what a page has had
prefetched by speculation rules. Nobody can be asked about that, and nothing switches it off; but such a document is
left as soon as it is there, and never read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

import structlog

log = structlog.get_logger()

MayOpen = Callable[[str], Awaitable[str | None]]
"""Why an address may not be opened; None if it may."""

ASK_SECONDS = 15.0
"""How long the answer may take: looking up a name is what takes time."""

STRAYED = "the page went to {}, for which no request could be asked about, and was left"

OF_THE_PAGE = frozenset({"about", "blob", "data"})
"""Schemes that ask nobody for anything."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """What was not opened, and why not."""

    url: str
    reason: str


class Passage:
    """What has been asked since one address was opened. `refusal` is that of the page itself, not of its frames.

    `has_arrived`: the first document is there, and what comes now is its own doing. `stray` is where it went unasked.
    """

    def __init__(self, url: str, may_open: MayOpen | None = None) -> None:
        self.refusal: Refusal | None = None
        self.has_arrived = False
        self.stray: str | None = None
        self._may_open = may_open
        self._first = _host(url)
        self._answers: dict[str, asyncio.Task[str | None]] = {}

    def is_free(self, url: str) -> bool:
        """Whether nobody need be asked. Whoever opened the first address has asked for it already."""
        return self._may_open is None or urlsplit(url).scheme in OF_THE_PAGE or _host(url) == self._first

    def is_stray(self, url: str) -> bool:
        """Whether a document that is there has come without anybody having been asked."""
        if not self.has_arrived or not url.startswith("http") or self.is_free(url):
            return False
        answer = self._answers.get(_host(url))
        return answer is None or not answer.done() or answer.result() is not None

    async def ask(self, url: str, *, is_page: bool) -> Refusal | None:
        """Why `url` may not be opened. Each host is asked about once."""
        if self._may_open is None:
            return None
        host = _host(url)
        if host not in self._answers:
            self._answers[host] = asyncio.create_task(_reason(self._may_open, url))
        reason = await asyncio.shield(self._answers[host])
        if reason is None:
            return None
        refusal = Refusal(url, reason)
        if is_page:
            self.refusal = refusal
        log.info("document.refused", url=url, reason=reason, is_page=is_page)
        return refusal


async def _reason(may_open: MayOpen, url: str) -> str | None:
    try:
        async with asyncio.timeout(ASK_SECONDS):
            return await may_open(url)
    except TimeoutError:
        return f"whether it may be opened was not known after {ASK_SECONDS:.0f} s"
    except Exception as error:  # noqa: BLE001 whatever went wrong, nobody has said that it may be opened
        return f"whether it may be opened can't be known: {error!r}"


def _host(url: str) -> str:
    """The host and its port, as the address spells them. Pure."""
    return urlsplit(url).netloc.rpartition("@")[2].lower()
