"""Browsers that run elsewhere: a Chromium with open DevTools, and a Playwright server. Elsewhere is loopback."""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Self

import psutil
from playwright._impl._driver import compute_driver_executable

from browser_pool.cdp.connection import Connection
from browser_pool.cdp.remote import connect
from browser_pool.processes import below, end, kill

PATIENCE_SECONDS = 30.0


class RemoteChromium:
    """With open DevTools. `address` is what an endpoint is made of."""

    def __init__(self, executable: Path) -> None:
        self._executable = executable
        self._folder = Path(tempfile.mkdtemp(prefix="remote-"))
        self.port = 0
        self.address = ""

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    async def start(self) -> None:
        told = self._folder / "DevToolsActivePort"
        told.unlink(missing_ok=True)
        started = await asyncio.create_subprocess_exec(
            self._executable, "--headless", "--no-sandbox", "--no-first-run", "--disable-dev-shm-usage",
            f"--remote-debugging-port={self.port}", f"--user-data-dir={self._folder}", "about:blank",
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        self.process = psutil.Process(started.pid)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not (told.exists() and told.read_text().strip()):  # noqa: ASYNC110 it says so in a file alone
                await asyncio.sleep(0.01)
        self.port = int(told.read_text().splitlines()[0])
        self.address = f"http://127.0.0.1:{self.port}"

    async def kill(self) -> None:
        await _end_all(self.process)

    async def ask(self, method: str) -> Any:
        """What Chromium itself says, over a line of the test's own."""
        connection = Connection(await connect(self.address))
        try:
            return await connection.browser.send(method)
        finally:
            await connection.close()

    async def contexts(self) -> list[str]:
        """The contexts that somebody has made there."""
        answer = await self.ask("Target.getBrowserContexts")
        return list(answer["browserContextIds"])

    async def pages(self) -> list[str]:
        """The pages there, by their address."""
        answer = await self.ask("Target.getTargets")
        return [target["url"] for target in answer["targetInfos"] if target["type"] == "page"]


class PlaywrightServer:
    """One that serves `executable`."""

    def __init__(self, executable: Path) -> None:
        self._executable = executable
        self._folder = Path(tempfile.mkdtemp(prefix="remote-"))
        self.port = 0
        self.address = ""

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    async def start(self) -> None:
        config = self._folder / "config.json"
        terms = {"executablePath": str(self._executable), "host": "127.0.0.1", "port": self.port, "wsPath": "/path"}
        config.write_text(json.dumps({**terms, "chromiumSandbox": False}))
        started = await asyncio.create_subprocess_exec(
            *compute_driver_executable(), "launch-server", "--browser", "chromium", "--config", config,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        self.process = psutil.Process(started.pid)
        assert started.stdout is not None
        async with asyncio.timeout(PATIENCE_SECONDS):
            self.address = (await started.stdout.readline()).decode().strip()
        self.port = int(self.address.rpartition(":")[2].partition("/")[0])

    async def kill(self) -> None:
        await _end_all(self.process)


@asynccontextmanager
async def doorkeeper(port: int, user: str, password: str) -> AsyncIterator[int]:
    """A port that leads to `port` for those who say user and password, by Basic."""
    allowed = b"Basic " + base64.b64encode(f"{user}:{password}".encode())

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if b"authorization: " + allowed.lower() not in head.lower():
            writer.write(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            writer.close()
            return
        from_browser, to_browser = await asyncio.open_connection("127.0.0.1", port)
        to_browser.write(head)
        await asyncio.gather(pass_on(reader, to_browser), pass_on(from_browser, writer))

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()


async def _end_all(process: psutil.Process) -> None:
    """It and what it has started, by pid."""
    processes = below(process)
    kill(processes)
    await asyncio.to_thread(end, processes)
