"""The line to a Chromium that runs elsewhere, by WebSocket."""

from __future__ import annotations

import asyncio
import json
import socket
import urllib.request
from base64 import b64encode
from collections.abc import Callable
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urlsplit, urlunsplit

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as open_websocket
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI

from browser_pool.cdp.transport import BEGINNING_BYTES, MOST_BYTES
from browser_pool.errors import BrowserGone

ASK_SECONDS = 10.0
FACTS_BYTES = 65_536


class WebSocketTransport:
    """A `Transport` over a WebSocket. It owns the two tasks that read from it and write to it."""

    on_message: Callable[[bytes], None]
    on_oversized: Callable[[bytes], None]
    on_lost: Callable[[], None]

    def __init__(self, websocket: ClientConnection) -> None:
        self.on_message = lambda _: None
        self.on_oversized = lambda _: None
        self.on_lost = lambda: None
        self._websocket = websocket
        self._outbox: asyncio.Queue[bytes] = asyncio.Queue()
        self._tasks = (asyncio.create_task(self._read()), asyncio.create_task(self._write()))
        self._is_lost = False

    def send(self, message: bytes) -> None:
        """See `Transport.send`."""
        if self._is_lost:
            raise BrowserGone("the connection to the browser is lost")
        self._outbox.put_nowait(message)

    async def close(self) -> None:
        """See `Transport.close`."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._websocket.close()

    async def _read(self) -> None:
        try:
            async for message in self._websocket:
                data = message.encode() if isinstance(message, str) else message
                if len(data) > MOST_BYTES:
                    self.on_oversized(data[:BEGINNING_BYTES])
                else:
                    self.on_message(data)
        except ConnectionClosed:
            pass
        finally:
            self._is_lost = True
            self.on_lost()

    async def _write(self) -> None:
        try:
            while True:
                await self._websocket.send(await self._outbox.get(), text=True)
        except ConnectionClosed:
            # The one that reads has heard it, too, and tells.
            return


async def connect(url: str) -> WebSocketTransport:
    """Open a line to a Chromium: `url` is its WebSocket, or the HTTP address of its DevTools, which tells it.

    Raises `OSError` or `ValueError`, with what is wrong.
    """
    if url.startswith("http"):
        url = await asyncio.to_thread(websocket_of, url)
    try:
        # A deadline over each command tells more than pings do. A page's text may be large.
        websocket = await open_websocket(
            url, max_size=None, ping_interval=None, open_timeout=ASK_SECONDS, close_timeout=1, proxy=None
        )
    except InvalidURI as error:
        raise ValueError(str(error)) from None
    except InvalidHandshake as error:
        raise OSError(f"it speaks no WebSocket there: {error}") from None
    return WebSocketTransport(websocket)


def websocket_of(url: str) -> str:
    """Ask DevTools at `url` for the address of the browser's WebSocket. Blocking."""
    asked = urlsplit(url)
    user, at, place = asked.netloc.rpartition("@")
    if asked.scheme == "http" and asked.hostname:
        place = _numeric(asked.hostname, asked.port or 80)
    version, headers = without_user(urlunsplit(asked._replace(path=asked.path.rstrip("/") + "/json/version")))
    version = urlunsplit(urlsplit(version)._replace(netloc=place))
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(urllib.request.Request(version, headers=headers), timeout=ASK_SECONDS) as answer:  # noqa: S310
            facts = json.loads(answer.read(FACTS_BYTES))
    except HTTPError as error:
        # It is the answer, too, and holds its connection.
        with error:
            raise OSError(str(error)) from None
    except URLError as error:
        raise OSError(getattr(error.reason, "strerror", None) or str(error.reason)) from None
    if not isinstance(facts, dict) or "webSocketDebuggerUrl" not in facts:
        raise ValueError("it answers, and is no Chromium with open DevTools")
    # It tells the address as it sees itself; the host and port that we know are the ones that can be reached.
    path = urlsplit(facts["webSocketDebuggerUrl"]).path
    scheme = "wss" if asked.scheme == "https" else "ws"
    return urlunsplit(asked._replace(scheme=scheme, netloc=user + at + place, path=path))


def without_user(url: str) -> tuple[str, dict[str, str]]:
    """The address without its user and password, and the header that says them instead. Pure."""
    parts = urlsplit(url)
    user, at, place = parts.netloc.rpartition("@")
    said = {"Authorization": f"Basic {b64encode(unquote(user).encode()).decode()}"} if at else {}
    return urlunsplit(parts._replace(netloc=place)), said


def _numeric(host: str, port: int) -> str:
    """DevTools answer to "localhost" and to addresses, and to no other name: a page could have invented that."""
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    return f"[{address[0]}]:{port}" if family is socket.AF_INET6 else f"{address[0]}:{port}"
