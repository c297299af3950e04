"""A small web server on loopback that answers what the test says, and a page to visit sites with."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

import tidegate.demo
from browser_pool import Lease, PoolSettings, UnifiedBrowserPool
from scraper.definition import Definition
from scraper.definitions import Definitions

Serve = Callable[[str | bytes], Awaitable[str]]


@pytest.fixture
def asked() -> list[str]:
    """The request lines that came, in order."""
    return []


@pytest.fixture
async def serve(asked: list[str]) -> AsyncIterator[Serve]:
    """`await serve(response)` gives the address of a server that answers each request with that, raw."""
    servers: list[asyncio.Server] = []

    async def start(response: str | bytes) -> str:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            asked.append((await reader.readline()).decode().strip())
            while (await reader.readline()).strip():
                pass
            writer.write(response if isinstance(response, bytes) else response.replace("\n", "\r\n").encode())
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        servers.append(server)
        return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    yield start
    for server in servers:
        server.close()


@pytest.fixture(scope="session")
async def pool(chromium: Path) -> AsyncIterator[UnifiedBrowserPool]:
    """One pool for all visits."""
    async with UnifiedBrowserPool(PoolSettings(chromium=chromium, max_contexts=2)) as pool:
        yield pool


@pytest.fixture
async def lane(pool: UnifiedBrowserPool) -> AsyncIterator[Lease]:
    """A page to visit with. `lane.context.pages` counts what was opened with it."""
    async with pool.lease(site="visits", isolation="fresh", deadline=60) as lease:
        yield lease


@pytest.fixture(scope="session")
def demo() -> Definition:
    """The definition of the demo site."""
    return Definitions.builtin().load(Path(tidegate.demo.__file__).parent).by_name("demo")
