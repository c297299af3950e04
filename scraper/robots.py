"""robots.txt: fetched once a day for a host, and heeded.

As RFC 9309 has it: no such file (4xx) allows everything; a host that can't be reached, or fails (5xx), allows nothing
for now. Nor does a file that can't be understood. All of a fetch has one deadline, and a site that holds it up holds
up nobody else.
"""

from __future__ import annotations

import asyncio
import http.client
import socket
import threading
import time
import urllib.error
import urllib.request
import zlib
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from protego import Protego

from scraper.outcome import Outcome
from scraper.unreachable import outcome_of

AGENT = "tidegate"
FETCH_SECONDS = 10.0
MOST_BYTES = 500_000
KEPT_SECONDS = 24 * 3600.0
KEPT_AFTER_FAILURE_SECONDS = 300.0

_PLAIN_CODINGS = frozenset({"", "identity"})
_ZLIB_CODINGS = frozenset({"gzip", "x-gzip", "deflate"})
_GZIP = b"\x1f\x8b"
_ANY_WINDOW = zlib.MAX_WBITS | 32
"""For zlib: gzip or deflate, as the data begins."""

MayFollow = Callable[[str], bool]
WhyRefused = Callable[[str, str], str | None]


@dataclass(frozen=True, slots=True)
class Answer:
    """May it be opened, why not, and how long the site wants between two requests (seconds).

    `outcome` is what it is called where it may not: no server answered, or there is a rule.
    """

    is_allowed: bool
    reason: str = ""
    delay_seconds: float | None = None
    outcome: Outcome = Outcome.DENIED_BY_ROBOTS


@dataclass(frozen=True, slots=True)
class _Known:
    rules: Protego | None
    problem: str
    until_seconds: float
    outcome: Outcome = Outcome.DENIED_BY_ROBOTS


class NotUnderstood(ValueError):
    """What came as robots.txt is no text that can be read; the words go on after its name."""


def text_of(body: bytes, codings: str = "") -> str:
    """The text of a robots.txt. `codings` is its Content-Encoding. Raises `NotUnderstood`. Pure.

    Some servers send it compressed whatever was asked, with and without saying so. At most `MOST_BYTES` are unpacked.
    """
    told = [name for coding in reversed(codings.lower().split(",")) if (name := coding.strip()) not in _PLAIN_CODINGS]
    for coding in told or (["gzip"] if body.startswith(_GZIP) else []):
        if coding not in _ZLIB_CODINGS:
            raise NotUnderstood(f"is packed as {coding[:20]!r}, which was not asked for")
        unpacking = zlib.decompressobj(_ANY_WINDOW)
        with suppress(zlib.error):
            body = unpacking.decompress(body, MOST_BYTES)
        if not unpacking.eof and len(body) < MOST_BYTES:
            raise NotUnderstood("is said to be packed, and can't be unpacked")
    is_wide = body.count(0) * 4 > len(body)
    if is_wide and not body.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        raise NotUnderstood("is no text")
    text = body.decode("utf-16" if is_wide else "utf-8", errors="replace").replace("\ufeff", "")
    if text.count("\ufffd") * 4 > len(text):
        raise NotUnderstood("is no text")
    return text


class Robots:
    """The rules of the hosts that were asked.

    `may_follow` says which redirects of robots.txt itself are fine. `why_refused` is told a site and the IP address
    that its name led to, before anything is asked there: a reason ends it. Both are called in a thread, and may wait.
    """

    def __init__(
        self,
        may_follow: MayFollow = lambda _: True,
        user_agent: str = "Tidegate",
        *,
        why_refused: WhyRefused = lambda _, __: None,
    ) -> None:
        self._may_follow = may_follow
        self._why_refused = why_refused
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
                known = await self._fetched(site)
                self._known[site] = known
        if known.rules is None:
            return Answer(is_allowed=False, reason=known.problem, outcome=known.outcome)
        delay = known.rules.crawl_delay(AGENT)
        allowed = known.rules.can_fetch(url, AGENT)
        return Answer(allowed, "" if allowed else f"{site}/robots.txt disallows it", delay)

    async def _fetched(self, site: str) -> _Known:
        """Fetch in a thread of its own, which nobody waits for once the time is over."""
        wire = _Wire(self._why_refused)
        done: Future[_Known] = Future()
        # Not the loop's executor: a name that takes a minute to resolve would hold up everybody's look-ups, and exit.
        threading.Thread(target=_fulfil, args=(done, lambda: self._fetch(site, wire)), daemon=True).start()
        try:
            async with asyncio.timeout(FETCH_SECONDS):
                return await asyncio.wrap_future(done)
        except TimeoutError:
            return _failed(f"no answer from {site}: not within {FETCH_SECONDS:g} s", Outcome.TIMEOUT)
        finally:
            wire.cut()

    def _fetch(self, site: str, wire: _Wire) -> _Known:
        opener = urllib.request.build_opener(_Redirects(self._may_follow), _Http(wire), _Https(wire))
        request = urllib.request.Request(  # noqa: S310 the scheme was checked before
            f"{site}/robots.txt", headers={"User-Agent": self._user_agent}
        )
        try:
            with opener.open(request, timeout=FETCH_SECONDS) as response:
                body = response.read(MOST_BYTES)
                if response.length and len(body) < MOST_BYTES:
                    raise http.client.IncompleteRead(body, response.length)
                text = text_of(body, response.headers.get("Content-Encoding", ""))
        except NotUnderstood as error:
            return _failed(f"{site}/robots.txt {error}, so nothing may be opened for now")
        except urllib.error.HTTPError as error:
            error.close()
            if 400 <= error.code < 500:
                return _Known(Protego.parse(""), "", time.monotonic() + KEPT_SECONDS)
            return _failed(f"{site}/robots.txt answered {error.code}, so nothing may be opened for now")
        except (OSError, ValueError, http.client.HTTPException) as error:
            # urllib wraps what went wrong with the connection.
            why = error.reason if isinstance(error, urllib.error.URLError) else error
            outcome = outcome_of(why) if isinstance(why, BaseException) else Outcome.TIMEOUT
            return _failed(f"no answer from {site}: {str(why).strip()}", outcome)
        return _Known(Protego.parse(text), "", time.monotonic() + KEPT_SECONDS)


def _fulfil(done: Future[_Known], work: Callable[[], _Known]) -> None:
    if not done.set_running_or_notify_cancel():
        return
    try:
        done.set_result(work())
    except BaseException as error:  # noqa: BLE001 it is raised where the future is awaited
        done.set_exception(error)


def _failed(problem: str, outcome: Outcome = Outcome.DENIED_BY_ROBOTS) -> _Known:
    return _Known(None, problem, time.monotonic() + KEPT_AFTER_FAILURE_SECONDS, outcome)


class _Wire:
    """The connections of one fetch: each is looked at before it is used, and all of them can be cut from outside."""

    def __init__(self, why_refused: WhyRefused) -> None:
        self._why_refused = why_refused
        self._open: list[socket.socket] = []
        self._lock = threading.Lock()
        self._is_cut = False

    def join(self, connected: socket.socket, url: str | None) -> None:
        """Raise `OSError` if nothing may be sent over `connected`. `url` None: it leads to a proxy of our own."""
        reason = self._why_refused(url, connected.getpeername()[0]) if url else None
        if reason is not None:
            raise OSError(reason)
        with self._lock:
            if self._is_cut:
                raise TimeoutError("its time is over")
            # One of our own: TLS takes the other one over.
            self._open.append(connected.dup())

    def cut(self) -> None:
        """End what still waits for an answer."""
        with self._lock:
            self._is_cut = True
            for one in self._open:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
                one.close()
            self._open.clear()


class _Plain(http.client.HTTPConnection):
    wire: _Wire
    url: str | None

    def connect(self) -> None:
        super().connect()
        self.wire.join(self.sock, self.url)


class _Secure(http.client.HTTPSConnection, _Plain):
    """Joins the wire once it is connected, before TLS begins: `HTTPSConnection.connect` goes through `_Plain`'s."""


class _Http(urllib.request.HTTPHandler):
    def __init__(self, wire: _Wire) -> None:
        super().__init__()
        self._wire = wire

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        is_proxied = req.has_proxy()
        return self.do_open(_on(self._wire, _Plain, None if is_proxied else req.full_url), req)


class _Https(urllib.request.HTTPSHandler):
    def __init__(self, wire: _Wire) -> None:
        super().__init__()
        self._wire = wire

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        is_proxied = getattr(req, "_tunnel_host", None) is not None
        return self.do_open(_on(self._wire, _Secure, None if is_proxied else req.full_url), req)


def _on(wire: _Wire, kind: type[_Plain], url: str | None) -> Any:
    def connection(host: str, **options: Any) -> _Plain:
        made = kind(host, **options)
        made.wire, made.url = wire, url
        return made

    return connection


class _Redirects(urllib.request.HTTPRedirectHandler):
    def __init__(self, may_follow: MayFollow) -> None:
        self._may_follow = may_follow

    def redirect_request(  # noqa: PLR0917 the signature is urllib's
        self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> Any:
        if not self._may_follow(newurl):
            raise urllib.error.URLError(f"it redirects to {newurl}")
        return super().redirect_request(req, fp, code, msg, headers, newurl)
