"""A server that does its worst, and a visitor with little patience."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from browser_pool import PoolSettings, UnifiedBrowserPool
from memory import MemoryGuard
from scraper.addresses import AddressPolicy
from scraper.definition import Definition
from scraper.page import PageReport
from scraper.visit import Visitor, VisitSettings

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]
Evil = Callable[..., Awaitable[str]]
Visit = Callable[..., Awaitable[PageReport]]

PAGE_SECONDS = 6.0
LEASE_SECONDS = 60.0
"""What a lease may take that a page does its worst in; nothing takes longer."""


def pier(*, hears: bool = False) -> Definition:
    """A site whose posts have every kind of field. One that `hears` waits for JSON that its pages ask for."""
    asked = [{"response": "*/data*", "having": "likes", "id": "id"}] if hears else []
    return Definition.model_validate(
        {
            "name": "pier",
            "title": "Pier",
            "hosts": ["127.0.0.1"],
            "schemes": ["http"],
            "post_id": r"/post/([^/?#]+)",
            "permalink": "/@{author}/post/{id}",
            "saved": {"base_url": "http://127.0.0.1/"},
            "politeness": {"requests_per_second": 50, "jitter": 0},
            "layouts": [
                {
                    "name": "plain",
                    "items": [
                        {
                            "name": "post",
                            "css": "article",
                            "required": ["id"],
                            "may_lack_counts": True,
                            "records": [
                                *asked,
                                {"script": "script[type='application/json']", "having": "likes", "id": "id"},
                            ],
                            "fields": {
                                "id": [{"attribute": "data-id"}],
                                "author": [{"css": ".by"}],
                                "text": [{"css": "p"}],
                                "title": [{"css": "h2"}],
                                "link": [{"css": "a.out", "attribute": "href"}],
                                "likes": [{"record": "likes"}, {"css": ".likes"}],
                                "views": [{"css": ".views", "attribute": "title"}],
                                "time": [{"css": "time", "attribute": "datetime"}],
                            },
                        }
                    ],
                }
            ],
        }
    )


@pytest.fixture(scope="session")
async def pool(chromium: Path) -> AsyncIterator[UnifiedBrowserPool]:
    """A pool that watches memory: what a page takes without end is taken back."""
    async with (
        MemoryGuard() as guard,
        UnifiedBrowserPool(PoolSettings(chromium=chromium, max_contexts=1, needs_page=False), guard=guard) as pool,
    ):
        yield pool


@pytest.fixture
async def evil() -> AsyncIterator[Evil]:
    """`await evil({"/": answer})` gives the address of a server.

    An answer is HTML, or bytes as they go out, or a function of the writer.
    """
    servers: list[asyncio.Server] = []

    async def start(answers: dict[str, str | bytes | Answer]) -> str:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                path = (await reader.readline()).decode("latin-1").split()[1].partition("?")[0]
                while (await reader.readline()).strip():
                    pass
                answer = answers.get(path, b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
                if isinstance(answer, str):
                    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nConnection: close\r\n\r\n"
                    answer = head + answer.encode("utf-8", "surrogatepass")
                if isinstance(answer, bytes):
                    writer.write(answer)
                    await writer.drain()
                else:
                    await answer(writer)
            except (OSError, IndexError):
                return
            finally:
                writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=1 << 20)
        servers.append(server)
        return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def visit(pool: UnifiedBrowserPool) -> Visit:
    """Read a page as a job does: a lease, the visitor, a report. Fails if that takes longer than a lease may."""
    visitor = Visitor(AddressPolicy(allow_private=True), VisitSettings(page_seconds=PAGE_SECONDS, heed_robots=False))

    async def read(url: str, definition: Definition | None = None) -> PageReport:
        async with asyncio.timeout(LEASE_SECONDS), pool.lease(site="pier", deadline=LEASE_SECONDS) as lease:
            return await visitor.read(lease, url, definition or pier())

    return read
