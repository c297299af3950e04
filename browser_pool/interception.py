"""Requests that wait for our word: what is refused, served from a saved page, told a password, or asked for anew.

Chromium pauses what fits the patterns it was given, and nothing else. The answer needs no thought, so it is given in
the moment in which the request is announced. Only a document from a host that is new has to wait, see `fence`.
"""

from __future__ import annotations

import asyncio
import base64
from collections import deque
from collections.abc import Iterator
from typing import Any

from browser_pool.blocking import KINDS, NOTHING, Blocking
from browser_pool.fence import MayOpen, Passage
from browser_pool.line import Line

REFUSED = "BlockedByClient"
STAY = "Aborted"
"""How a document is refused: the frame keeps the one it has, and no error page comes."""

MOST_TRIED = 256
DOCUMENT = "Document"
REVALIDATED = {DOCUMENT: "max-age=0", "XHR": "no-cache", "Other": "max-age=0"}
"""By Chromium's kinds of what numbers come in, what a server is asked with. A fetch may be told by its page to take
whatever the cache has ("force-cache"), which only "no-cache" overrules (tried). Preloads for a fetch are "Other"."""
HTML = [{"name": "Content-Type", "value": "text/html"}]
"""Without a charset, which would overrule what the saved page says of its own."""


class Interception:
    """Answers for a page and all that belongs to it. What is asked of it holds from `command` on.

    `watches_urls`: refused addresses are asked about as well, for where Chromium can't be told of them in time.
    """

    def __init__(self, credentials: tuple[str, str] | None = None, *, watches_urls: bool = False) -> None:
        self.blocking: Blocking = NOTHING
        self._watches_urls = watches_urls
        self._credentials = credentials
        self._tried: deque[str] = deque(maxlen=MOST_TRIED)
        self._saved: bytes | None = None
        self._was_served = False
        self.main_frame = ""
        self.may_open: MayOpen | None = None
        self.revalidates = False
        self.passage = Passage("")
        self._asking: set[asyncio.Task[None]] = set()

    @property
    def serves_saved(self) -> bool:
        """Whether a saved page stands in place of the network."""
        return self._saved is not None

    def serve(self, html: bytes | None) -> None:
        """From now on the first document is this text, and everything else is refused; None: the network again."""
        self._saved, self._was_served = html, False

    def set_out(self, url: str) -> None:
        """`url` is about to be opened."""
        self.passage = Passage(url, self.may_open)

    def command(self) -> tuple[str, dict[str, Any]]:
        """What to tell a target, so that it asks about what we want to be asked about."""
        patterns = list(self._patterns())
        if not patterns:
            return "Fetch.disable", {}
        return "Fetch.enable", {"patterns": patterns, "handleAuthRequests": self._credentials is not None}

    def join(self, line: Line) -> None:
        """Answer for this target, too."""
        line.on("Fetch.requestPaused", lambda event: self._answer(line, event))
        line.on("Fetch.authRequired", lambda event: self._log_in(line, event))

    def _patterns(self) -> Iterator[dict[str, str]]:
        if self._saved is not None or self._credentials is not None:
            yield {"urlPattern": "*"}
            return
        kinds = {KINDS[kind] for kind in self.blocking.kinds}
        if self.may_open is not None:
            kinds.add(DOCUMENT)
        if self.revalidates:
            kinds |= REVALIDATED.keys()
        yield from ({"urlPattern": "*", "resourceType": kind} for kind in sorted(kinds))
        if self._watches_urls:
            yield from ({"urlPattern": _fetch_pattern(url)} for url in self.blocking.urls)

    def _answer(self, line: Line, event: dict[str, Any]) -> None:
        request, kind = event["requestId"], event["resourceType"]
        if self._saved is not None and kind == DOCUMENT and not self._was_served:
            self._was_served = True
            body = base64.b64encode(self._saved).decode("ascii")
            line.tell("Fetch.fulfillRequest", requestId=request, responseCode=200, responseHeaders=HTML, body=body)
        elif self._saved is not None or self.blocking.refuses(event["request"]["url"], kind):
            line.tell("Fetch.failRequest", requestId=request, errorReason=REFUSED)
        elif kind == DOCUMENT and not self.passage.is_free(event["request"]["url"]):
            asking = asyncio.create_task(self._answer_later(line, event, self.passage))
            self._asking.add(asking)
            asking.add_done_callback(self._asking.discard)
        else:
            self._go_on(line, event)

    def _go_on(self, line: Line, event: dict[str, Any]) -> None:
        """Let a request be made. One that is to be revalidated takes all its headers along: these replace its own."""
        told: dict[str, Any] = {}
        terms = REVALIDATED.get(event["resourceType"]) if self.revalidates else None
        if terms is not None:
            headers = {**event["request"]["headers"], "Cache-Control": terms}
            told["headers"] = [{"name": name, "value": value} for name, value in headers.items()]
        line.tell("Fetch.continueRequest", requestId=event["requestId"], **told)

    async def _answer_later(self, line: Line, event: dict[str, Any], passage: Passage) -> None:
        if await passage.ask(event["request"]["url"], is_page=event["frameId"] == self.main_frame) is None:
            self._go_on(line, event)
        else:
            line.tell("Fetch.failRequest", requestId=event["requestId"], errorReason=STAY)

    def _log_in(self, line: Line, event: dict[str, Any]) -> None:
        answer, request = {"response": "Default"}, event["requestId"]
        if event["authChallenge"].get("source") == "Proxy" and self._credentials is not None:
            user, password = self._credentials
            answer = {"response": "ProvideCredentials", "username": user, "password": password}
            if request in self._tried:
                # They are wrong. Told again and again, Chromium would ask the proxy again and again.
                answer = {"response": "CancelAuth"}
            self._tried.append(request)
        line.tell("Fetch.continueWithAuth", requestId=request, authChallengeResponse=answer)


def _fetch_pattern(url: str) -> str:
    r"""A pattern of ours for `Fetch.enable`, which wants the whole address and knows `?` and `\` as well. Pure."""
    escaped = url.replace("\\", "\\\\").replace("?", "\\?")
    return f"*{escaped}*"
