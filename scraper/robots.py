"""robots.txt: fetched once a day for a host, and heeded.

As RFC 9309 has it: no such file (4xx) allows everything; a host that can't be reached, or fails (5xx), allows nothing
for now.
"""

from __future__ import annotations

import asyncio
import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from protego import Protego

AGENT = "tidegate"
FETCH_SECONDS = 10.0
MOST_BYTES = 500_000
KEPT_SECONDS = 24 * 3600.0
KEPT_AFTER_FAILURE_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Answer:
    """May it be opened, why not, and how long the site wants between two requests (seconds).

    `is_unreachable`: nobody answered, so nothing is known of what is allowed.
    """

    is_allowed: bool
    reason: str = ""
    delay_seconds: float | None = None
    is_unreachable: bool = False


@dataclass(frozen=True, slots=True)
class _Known:
    rules: Protego | None
    problem: str
    until_seconds: float
    is_unreachable: bool = False


class Robots:
    """The rules of the hosts that were asked.

    `may_follow` says which redirects of robots.txt itself are fine. It is called in a thread, and may wait.
    """

    def __init__(self, may_follow: Callable[[str], bool] = lambda _: True, user_agent: str = "Tidegate") -> None:
        self._may_follow = may_follow
        self._user_agent = user_agent
        self._known: dict[str, _Known] = {}
        self._asking: dict[str, asyncio.Lock] = {}

    async def ask(self, url: str) -> Answer:
        """What the site's robots.txt says of `url`."""
        parts = urlsplit(url)
        # Without a user and password, which are not for robots.txt and not for anybody's log.
        site = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        async with self._asking.setdefault(site, asyncio.Lock()):
            known = self._known.get(site)
            if known is None or known.until_seconds <= time.monotonic():
                known = await asyncio.to_thread(self._fetch, site)
                self._known[site] = known
        if known.rules is None:
            return Answer(is_allowed=False, reason=known.problem, is_unreachable=known.is_unreachable)
        delay = known.rules.crawl_delay(AGENT)
        allowed = known.rules.can_fetch(url, AGENT)
        return Answer(allowed, "" if allowed else f"{site}/robots.txt disallows it", delay)

    def _fetch(self, site: str) -> _Known:
        opener = urllib.request.build_opener(_Redirects(self._may_follow))
        request = urllib.request.Request(  # noqa: S310 the scheme was checked before
            f"{site}/robots.txt", headers={"User-Agent": self._user_agent}
        )
        try:
            with opener.open(request, timeout=FETCH_SECONDS) as response:
                text = _read(response, time.monotonic() + FETCH_SECONDS).decode("utf-8", errors="replace")
        except urllib.error.HTTPError as error:
            error.close()
            if 400 <= error.code < 500:
                return _Known(Protego.parse(""), "", time.monotonic() + KEPT_SECONDS)
            return _failed(f"{site}/robots.txt answered {error.code}, so nothing may be opened for now")
        except (OSError, ValueError, http.client.HTTPException) as error:
            return _failed(
                f"no answer from {site}: {str(getattr(error, 'reason', error)).strip()}", is_unreachable=True
            )
        return _Known(Protego.parse(text), "", time.monotonic() + KEPT_SECONDS)


def _read(response: Any, until: float) -> bytes:
    """As much as there is, up to `MOST_BYTES`. A site that trickles has until `until`."""
    read = b""
    while len(read) < MOST_BYTES and (piece := response.read1(65536)):
        read += piece
        if time.monotonic() > until:
            raise TimeoutError("it came too slowly")
    return read[:MOST_BYTES]


def _failed(problem: str, *, is_unreachable: bool = False) -> _Known:
    return _Known(None, problem, time.monotonic() + KEPT_AFTER_FAILURE_SECONDS, is_unreachable)


class _Redirects(urllib.request.HTTPRedirectHandler):
    def __init__(self, may_follow: Callable[[str], bool]) -> None:
        self._may_follow = may_follow

    def redirect_request(  # noqa: PLR0917 the signature is urllib's
        self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> Any:
        if not self._may_follow(newurl):
            raise urllib.error.URLError(f"it redirects to {newurl}")
        return super().redirect_request(req, fp, code, msg, headers, newurl)
