"""A web of one server on loopback: pages that a test writes, and what was asked for, exactly as it came."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import urlsplit

Page = str | tuple[str, str] | Callable[[int], str]
"""HTML, or a content type and a text, or what gives the HTML for the first, the second, the third request."""

SCRIPT = "text/javascript"

LOADED = """() => new Promise(done =>
  document.readyState === 'complete' ? done(true) : addEventListener('load', () => done(true)))"""
"""A lease's `open` is over when a document has begun to arrive; this when all of it is there."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it came. Header names are lower case; `path` has its query."""

    host: str
    path: str
    headers: Mapping[str, str]


@dataclass(slots=True)
class Web:
    """`pages` are by path, without the query. To a browser, `other_url` has the same pages at another site.

    `moved` are the addresses that paths send on to; what is in `endless` begins and never ends.
    `headers` are further ones by path. A path without its own `Cache-Control` may not be kept in a cache.
    """

    pages: dict[str, Page] = field(default_factory=dict)
    moved: dict[str, str] = field(default_factory=dict)
    endless: dict[str, tuple[str, str]] = field(default_factory=dict)
    headers: dict[str, Mapping[str, str]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def other_url(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def paths(self) -> list[str]:
        """What was asked for, in order."""
        return [one.path for one in self.asked]

    def headers_of(self, path: str) -> Mapping[str, str]:
        """Of the last request for it."""
        return next(one.headers for one in reversed(self.asked) if one.path == path)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with _until_hung_up(writer):
            target, headers = await _read_request(reader)
            path = urlsplit(target)._replace(scheme="", netloc="").geturl()
            self.asked.append(Asked(headers.get("host", ""), path, headers))
            page = self.pages.get(path.partition("?")[0])
            own = self.headers.get(path.partition("?")[0], {})
            if path in self.moved:
                await _write(writer, "302 Found", {"Location": self.moved[path], **own}, "")
            elif path in self.endless:
                kind, text = self.endless[path]
                writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n\r\n{text}".encode())
                # Until the browser hangs up.
                await reader.read()
            elif page is None:
                await _write(writer, "404 Not Found", {}, "")
            else:
                if callable(page):
                    page = page(self.paths.count(path))
                kind, text = page if isinstance(page, tuple) else ("text/html; charset=utf-8", page)
                await _write(writer, "200 OK", {"Content-Type": kind, **own}, text)


@dataclass(slots=True)
class ForwardProxy:
    """An HTTP proxy that takes every host for `web`. With `credentials` it asks for them, by Basic."""

    web: Web
    credentials: tuple[str, str] | None = None
    passed: list[str] = field(default_factory=list)
    refused: int = 0
    port: int = 0

    @property
    def server(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with _until_hung_up(writer):
            target, headers = await _read_request(reader)
            if self.credentials is not None and headers.get("proxy-authorization") != _basic(*self.credentials):
                self.refused += 1
                challenge = {"Proxy-Authenticate": 'Basic realm="the test"'}
                await _write(writer, "407 Proxy Authentication Required", challenge, "")
                return
            self.passed.append(target)
            from_web, to_web = await asyncio.open_connection("127.0.0.1", self.web.port)
            async with _until_hung_up(to_web):
                lines = [f"GET {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
                to_web.write("\r\n".join(lines).encode())
                writer.write(await from_web.read())
                await writer.drain()


Served = TypeVar("Served", Web, ForwardProxy)


@asynccontextmanager
async def serving(served: Served) -> AsyncIterator[Served]:
    """Have it listen on a free port of loopback."""
    server = await asyncio.start_server(served.answer, "127.0.0.1", 0)
    served.port = server.sockets[0].getsockname()[1]
    try:
        yield served
    finally:
        server.close()


async def _read_request(reader: asyncio.StreamReader) -> tuple[str, dict[str, str]]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = dict(line.split(": ", 1) for line in head[1:] if line)
    return head[0].split(" ")[1], {name.lower(): value for name, value in headers.items()}


async def _write(writer: asyncio.StreamWriter, status: str, headers: Mapping[str, str], text: str) -> None:
    body = text.encode()
    always = {"Content-Length": str(len(body)), "Connection": "close"}
    terms = {"Cache-Control": "no-store", **headers, **always}
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in terms.items()), "", ""]
    writer.write("\r\n".join(lines).encode() + body)
    await writer.drain()


@asynccontextmanager
async def _until_hung_up(writer: asyncio.StreamWriter) -> AsyncIterator[None]:
    """A browser that opens a line and says nothing, or hangs up in the middle, is nothing to report."""
    try:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            yield
    finally:
        writer.close()


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
