"""A site of our own on loopback, whose numbers are hidden, doubled and moved, and the way that a job reads it."""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from browser_pool import PoolSettings, UnifiedBrowserPool
from scraper.addresses import AddressPolicy
from scraper.definition import Definition
from scraper.definitions import Definitions
from scraper.feed import FeedReport
from scraper.page import PageReport
from scraper.visit import Visitor, VisitSettings

MOLE = r"""
name = "mole"
title = "The mole"
hosts = ["127.0.0.1"]
schemes = ["http"]
post_id = '/p/(\d+)$'
permalink = "/p/{id}"
language = "en"
block = ["*/blocked.css"]

[feed]
end = "body"

[politeness]
requests_per_second = 100

[[layouts]]
name = "list"

[[layouts.items]]
name = "post"
css = "[data-mole]"
required = ["id", "title"]

[layouts.items.fields]
id = [{ attribute = "data-mole" }]
title = [{ css = ".title" }]
likes = [{ css = ".likes" }]
replies = [{ css = ".replies", among_words = true }]
views = [{ css = ".views", attribute = "data-views" }]
"""

Serve = Callable[[Mapping[str, str]], Awaitable[str]]
Read = Callable[..., Awaitable[PageReport]]
Collect = Callable[..., Awaitable[FeedReport]]


def mole(**changes: Any) -> Definition:
    """The definition of the site; `changes` are keys of it."""
    return Definition.model_validate(tomllib.loads(MOLE) | changes)


def post(number: int | str, likes: str, *, more: str = "") -> str:
    """A post whose likes are that HTML, on a line of its own."""
    return (
        f'<article data-mole="{number}"><b class="title">Post {number}</b> '
        f'<span class="likes">{likes}</span>{more}</article>'
    )


def page(*parts: str, head: str = "<style>.title { color: navy }</style>") -> str:
    """A page of those parts."""
    return (
        f"<!doctype html><html lang='en'><head><title>Mole</title>{head}</head><body>{''.join(parts)}</body></html>"
    )


@pytest.fixture(scope="session")
async def pool(chromium: Path) -> AsyncIterator[UnifiedBrowserPool]:
    """One pool for all pages."""
    async with UnifiedBrowserPool(PoolSettings(chromium=chromium, max_contexts=2)) as pool:
        yield pool


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """`await serve({"/path": body})` gives the address of a server. What begins with "{" or "[" is JSON."""
    servers: list[asyncio.Server] = []

    async def start(bodies: Mapping[str, str]) -> str:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            path = (await reader.readline()).decode().split()[1]
            while (await reader.readline()).strip():
                pass
            body, _, wait = bodies.get(path, "").partition("\0")
            if wait:
                await asyncio.sleep(float(wait))
            kind = "application/json" if body[:1] in {"[", "{"} else "text/html; charset=utf-8"
            status = "200 OK" if path in bodies else "404 Not Found"
            writer.write(f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nConnection: close\r\n\r\n{body}".encode())
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        servers.append(server)
        return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def read(pool: UnifiedBrowserPool, serve: Serve) -> Read:
    """`await read(body, path=..., others=...)`: the page, as a job reads it."""

    async def read(
        body: str, *, path: str = "/", others: Mapping[str, str] | None = None, definition: Definition | None = None
    ) -> PageReport:
        address = await serve({path: body, **(others or {})})
        visitor = Visitor(AddressPolicy(allow_private=True), VisitSettings(page_seconds=30))
        async with pool.lease(site="mole", deadline=60, needs_page=False) as lease:
            return await visitor.read(lease, f"{address}{path}", definition or mole())

    return read


@pytest.fixture
def collect(pool: UnifiedBrowserPool, serve: Serve) -> Collect:
    """`await collect(body, others=...)`: the feed, as a job reads it."""

    async def collect(
        body: str, *, others: Mapping[str, str] | None = None, definition: Definition | None = None, limit: int = 50
    ) -> FeedReport:
        address = await serve({"/": body, **(others or {})})
        visitor = Visitor(AddressPolicy(allow_private=True), VisitSettings(feed_seconds=60))
        async with pool.lease(site="mole", deadline=90, needs_page=False) as lease:
            return await visitor.harvest(lease, f"{address}/", definition or mole(), limit=limit)

    return collect


def likes_of(report: PageReport | FeedReport) -> dict[str, int | None]:
    """The likes by post."""
    return {post.id: post.likes for post in report.posts}


@pytest.fixture(scope="session")
def definitions() -> Definitions:
    """The definitions that come with the program."""
    return Definitions.builtin()
