"""The demo site as a child process that its owner can't leave behind."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from http.client import HTTPConnection, HTTPException
from typing import Any, Self

from tidegate.demo.errors import DemoSiteError, PortInUse
from tidegate.demo.troubles import Trouble
from tidegate.demo.world import NOW, Post, World

START_SECONDS = 30.0
STOP_SECONDS = 5.0
ANSWER_SECONDS = 10.0
"""How long the site gets to be ready, to end after SIGTERM, and to answer its owner."""


class DemoSite:
    """Runs the demo site while entered, and knows the truth behind it.

    ```
    async with DemoSite(seed=7, troubles={post_id: "login_wall"}) as site:
        await page.goto(site.post_url(site.world.posts[0]))
    ```

    `troubles` assigns a trouble, as `tidegate.demo.troubles` writes them, to post ids. With `tick_seconds` the
    site's tick advances by itself, and `world` stays what it was at the start.

    On Linux the kernel kills the site when the thread that entered it ends, whatever ends it.

    Raises `PortInUse` when `port` is taken, `DemoSiteError` when the site does not come up.
    """

    def __init__(
        self,
        *,
        seed: int = 0,
        posts: int = 100,
        tick: int = 0,
        port: int = 0,
        now: datetime = NOW,
        troubles: Mapping[str, str] | None = None,
        tick_seconds: float = 0.0,
    ) -> None:
        for trouble in (troubles or {}).values():
            Trouble.parse(trouble)
        self._world = World(seed, posts=posts, tick=tick, now=now)
        self._wanted_port = port
        self._port = 0
        self._url: str | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._command = (
            sys.executable, "-m", "tidegate.demo.server",
            f"--port={port}", f"--seed={seed}", f"--posts={posts}", f"--tick={tick}",
            f"--now={now.isoformat()}", f"--tick-seconds={tick_seconds}",
            *(f"--trouble={post_id}={trouble}" for post_id, trouble in (troubles or {}).items()),
        )  # fmt: skip

    @property
    def url(self) -> str:
        """Where the site is, such as `http://127.0.0.1:40123`. Raises `DemoSiteError` when it does not run."""
        if self._url is None:
            raise DemoSiteError("the demo site is not running; enter it with `async with`")
        return self._url

    @property
    def pid(self) -> int:
        """The process id of the server. Raises `DemoSiteError` when it does not run."""
        if self._process is None:
            raise DemoSiteError("the demo site is not running; enter it with `async with`")
        return self._process.pid

    @property
    def world(self) -> World:
        """The truth that the site shows, computed here."""
        return self._world

    def post_url(self, post: Post) -> str:
        """Give the address of a post's own page."""
        return f"{self.url}{post.path}"

    async def set_tick(self, tick: int) -> World:
        """Let the site and `world` move to another tick, and return that world."""
        await self._ask("PUT", "/api/tick", str(tick))
        self._world = self._world.at(tick)
        return self._world

    async def set_trouble(self, trouble: str | None) -> None:
        """Give a trouble to every page, until it is given another one or None."""
        await self._ask("PUT", "/api/trouble", trouble or "")

    async def stats(self) -> dict[str, Any]:
        """Say what the site was asked for: `requests` by kind, and `pages_at_seconds`; see `traffic`."""
        stats: dict[str, Any] = await self._ask("GET", "/api/stats")
        return stats

    async def __aenter__(self) -> Self:
        if self._process is not None:
            raise DemoSiteError("the demo site runs already")
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            f"--owner={os.getpid()}",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            # Ctrl-C in a terminal reaches the owner only, which then stops the site in its own order.
            start_new_session=True,
        )
        try:
            await self._wait_until_ready(self._process)
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stop()

    async def _wait_until_ready(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None  # noqa: S101, asked for with PIPE
        try:
            async with asyncio.timeout(START_SECONDS):
                line = await process.stdout.readline()
        except TimeoutError:
            raise DemoSiteError(f"the demo site did not start within {START_SECONDS:.0f} s") from None
        said: dict[str, Any] = json.loads(line) if line else {"error": "the demo site ended before it was ready"}
        if "error" in said:
            if said.get("kind") == PortInUse.__name__:
                raise PortInUse(self._wanted_port)
            raise DemoSiteError(said["error"])
        self._url, self._port = said["url"], said["port"]

    async def _stop(self) -> None:
        """End the process: asked first, then made to. Harmless when it has ended already."""
        process, self._process, self._url = self._process, None, None
        if process is None:
            return
        try:
            with suppress(ProcessLookupError):
                process.terminate()
            async with asyncio.timeout(STOP_SECONDS):
                await process.communicate()
        except TimeoutError:
            pass
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.communicate()

    async def _ask(self, method: str, path: str, body: str | None = None) -> Any:
        if self._process is None:
            raise DemoSiteError("the demo site is not running; enter it with `async with`")
        return await asyncio.to_thread(_request, self._port, method, path, body)


def _request(port: int, method: str, path: str, body: str | None) -> Any:
    """Ask the site itself, past any proxy that the environment names."""
    connection = HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS)
    try:
        connection.request(method, path, body)
        response = connection.getresponse()
        answer = json.loads(response.read())
    except (OSError, HTTPException, ValueError) as error:
        raise DemoSiteError(f"the demo site does not answer {method} {path}: {error}") from error
    finally:
        connection.close()
    if response.status != 200:
        raise DemoSiteError(f"the demo site refused {method} {path}: {answer.get('error', response.status)}")
    return answer
