"""Chromium for the tests of what is on a page, and pages for it to read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from browser_pool import Chromium, Lane, PoolSettings
from browser_pool.browser import Browser
from browser_pool.cdp.browser import CdpBrowser
from browser_pool.identity import DEFAULT_IDENTITY
from scraper.definition import Definition
from scraper.definitions import Definitions
from scraper.page import PageReport, SavedPage, open_page

PAGES = Path(__file__).parent / "pages"
ReadFile = Callable[..., Awaitable[PageReport]]
ReadHtml = Callable[..., Awaitable[PageReport]]
Serve = Callable[[dict[str, str]], Awaitable[str]]


@pytest.fixture(scope="session")
async def browser(chromium: Path) -> AsyncIterator[Browser]:
    browser = await CdpBrowser.launch(
        Chromium(chromium, "setting"), PoolSettings(), limit_bytes=None, on_gone=lambda _: None
    )
    yield browser
    await browser.close()


@pytest.fixture
async def lane(browser: Browser) -> AsyncIterator[Lane]:
    context = await browser.open_context(DEFAULT_IDENTITY)
    yield context.lane
    await context.close()


@pytest.fixture(scope="session")
def definitions() -> Definitions:
    return Definitions.builtin().load(Path(__file__).parents[2] / "tidegate" / "demo")


@pytest.fixture
def read_html(lane: Lane) -> ReadHtml:
    """Read a saved page by a definition, as if it came from `url`."""

    async def read(definition: Definition, html: bytes, url: str | None = None) -> PageReport:
        address = url or definition.saved.base_url
        return await open_page(lane, address, definition, timeout_seconds=20, saved=SavedPage(html))

    return read


@pytest.fixture
def read_file(read_html: ReadHtml, definitions: Definitions) -> ReadFile:
    """Read one of our own saved pages, as "x/profile-german.html", by the site in its folder's name."""

    async def read(name: str, url: str | None = None) -> PageReport:
        definition = definitions.by_name(name.split("/", maxsplit=1)[0])
        return await read_html(definition, (PAGES / name).read_bytes(), url)

    return read


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Serve pages over HTTP on this machine: `await serve({"/path": response})` gives the address of the server.

    A response is a whole HTTP response if it begins with "HTTP/", else the body of one with status 200.
    """
    servers: list[asyncio.Server] = []

    async def start(responses: dict[str, str]) -> str:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            line = (await reader.readline()).decode()
            while (await reader.readline()).strip():
                pass
            body = responses.get(line.split(" ")[1], "HTTP/1.1 404 Not Found\n\nnothing here")
            if body == "never":
                await reader.read()
            if not body.startswith("HTTP/"):
                body = f"HTTP/1.1 200 OK\nContent-Type: text/html; charset=utf-8\n\n{body}"
            head, _, rest = body.partition("\n\n")
            writer.write((head.replace("\n", "\r\n") + "\r\nConnection: close\r\n\r\n" + rest).encode())
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        servers.append(server)
        return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    yield start
    for server in servers:
        server.close()
