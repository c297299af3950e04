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

Serve = Callable[[str | bytes | dict[str, str]], Awaitable[str]]


@pytest.fixture
def asked() -> list[str]:
    """The request lines that came, in order."""
    return []


@pytest.fixture
async def serve(asked: list[str]) -> AsyncIterator[Serve]:
    """`await serve(response)` gives the address of a server that answers each request with that, raw.

    By path, if it is a dictionary; what is not in it is not found.
    """
    servers: list[asyncio.Server] = []

    async def start(response: str | bytes | dict[str, str]) -> str:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            asked.append((await reader.readline()).decode().strip())
            while (await reader.readline()).strip():
                pass
            said: str | bytes = (
                response.get(asked[-1].split()[1], "HTTP/1.1 404 Not Found\n\n")
                if isinstance(response, dict)
                else response
            )
            writer.write(said if isinstance(said, bytes) else said.replace("\n", "\r\n").encode())
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
    async with UnifiedBrowserPool(PoolSettings(chromium=chromium, max_contexts=2, needs_page=False)) as pool:
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
