"""A Chromium without Playwright: started here and spoken to through a pipe, or running elsewhere."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from typing import Any

import psutil
import structlog

from browser_pool.browser import Browser, BrowserState
from browser_pool.cdp.connection import Connection
from browser_pool.cdp.context import CdpContext
from browser_pool.cdp.transport import PipeTransport
from browser_pool.chromium import Chromium, sandbox_is_possible, switches
from browser_pool.endpoint import LOCAL, Endpoint, without_secrets
from browser_pool.errors import BrowserGone, EndpointUnreachable, LaunchFailed
from browser_pool.identity import Identity
from browser_pool.lane import RECLAIM_SECONDS
from browser_pool.line import CommandFailed, renderers
from browser_pool.processes import below, end, kill, session_of
from browser_pool.scratch import Scratch
from browser_pool.settings import PoolSettings

log = structlog.get_logger()

CLOSE_SECONDS = 2.0


class CdpBrowser(Browser):
    """A Chromium over bare CDP. `on_gone` is called once if it ends by itself."""

    has_pages = False

    def __init__(
        self,
        endpoint: Endpoint,
        connection: Connection,
        facts: dict[str, str],
        settings: PoolSettings,
        *,
        is_sandboxed: bool | None,
        process: psutil.Process | None,
        scratch: Scratch | None,
        on_gone: Callable[[Browser], None],
    ) -> None:
        super().__init__(
            endpoint,
            version=facts["product"].rpartition("/")[2],
            is_sandboxed=is_sandboxed,
            root_pid=process.pid if process else None,
        )
        self._connection = connection
        self._process = process
        self._scratch = scratch
        self._user_agent = f"{facts['userAgent']} {settings.program_name}"
        self._contexts: set[CdpContext] = set()
        self._on_gone = on_gone
        connection.on_lost = self._on_lost
        connection.browser.on("Target.targetCreated", self._on_target)

    @classmethod
    async def launch(
        cls,
        chromium: Chromium,
        settings: PoolSettings,
        *,
        limit_bytes: int | None,
        on_gone: Callable[[Browser], None],
    ) -> CdpBrowser:
        """Start one, with its sandbox wherever that works. Raises `LaunchFailed`; nothing is left over then."""
        if not sandbox_is_possible():
            return await cls._start(chromium, settings, limit_bytes, on_gone, sandbox=False)
        try:
            return await cls._start(chromium, settings, limit_bytes, on_gone, sandbox=True)
        except LaunchFailed as error:
            if "sandbox" not in error.detail.lower():
                raise
            log.warning("sandbox.unavailable", why="this system forbids user namespaces; see docs/operations.md")
            return await cls._start(chromium, settings, limit_bytes, on_gone, sandbox=False)

    @classmethod
    async def _start(
        cls,
        chromium: Chromium,
        settings: PoolSettings,
        limit_bytes: int | None,
        on_gone: Callable[[Browser], None],
        *,
        sandbox: bool,
    ) -> CdpBrowser:
        scratch = await asyncio.to_thread(Scratch.make, settings.scratch)
        transport: PipeTransport | None = None
        process: psutil.Process | None = None
        try:
            arguments = switches(
                headed=settings.headed, sandbox=sandbox, profile=scratch.path / "profile", limit_bytes=limit_bytes
            )
            environment = {**os.environ, "TMPDIR": str(scratch.path)}
            async with asyncio.timeout(settings.launch_seconds):
                transport = await PipeTransport.start(chromium.executable, arguments, environment)
                process = psutil.Process(transport.pid)
                connection = Connection(transport)
                facts = await connection.browser.send("Browser.getVersion")
                browser = cls(
                    LOCAL,
                    connection,
                    facts,
                    settings,
                    is_sandboxed=sandbox,
                    process=process,
                    scratch=scratch,
                    on_gone=on_gone,
                )
                await connection.browser.send("Target.setDiscoverTargets", discover=True)
        except BaseException as error:
            await _clear_away(transport, process, below(process), scratch)
            if isinstance(error, TimeoutError):
                detail = f"no answer in {settings.launch_seconds:.0f} s"
            elif isinstance(error, BrowserGone | psutil.NoSuchProcess | CommandFailed | OSError):
                detail = last_words(transport.last_words if transport else "") or str(error)
            else:
                raise
            raise LaunchFailed(str(chromium.executable), detail) from None
        return browser

    @classmethod
    async def connect(
        cls, endpoint: Endpoint, settings: PoolSettings, *, on_gone: Callable[[Browser], None]
    ) -> CdpBrowser:
        """Join one that runs elsewhere. Raises `EndpointUnreachable`."""
        # Most pools never need it, and it costs 5 MB.
        from browser_pool.cdp.remote import connect  # noqa: PLC0415

        try:
            async with asyncio.timeout(settings.launch_seconds):
                transport = await connect(endpoint.url)
                connection = Connection(transport)
                facts = await connection.browser.send("Browser.getVersion")
                browser = cls(
                    endpoint,
                    connection,
                    facts,
                    settings,
                    is_sandboxed=None,
                    process=None,
                    scratch=None,
                    on_gone=on_gone,
                )
                await connection.browser.send("Target.setDiscoverTargets", discover=True)
        except TimeoutError:
            raise EndpointUnreachable(endpoint.name, f"no answer in {settings.launch_seconds:.0f} s") from None
        except (BrowserGone, CommandFailed, OSError, ValueError) as error:
            raise EndpointUnreachable(endpoint.name, without_secrets(str(error))) from None
        return browser

    @property
    def is_alive(self) -> bool:
        """See `Browser.is_alive`."""
        return not self._connection.is_lost

    async def open_context(self, identity: Identity) -> CdpContext:
        """See `Browser.open_context`."""
        storage = (
            await asyncio.to_thread(identity.read_storage) if identity.storage_state else identity.read_storage()
        )
        self.contexts_opened += 1
        try:
            context = await CdpContext.open(self._connection.browser, identity, storage, self._user_agent)
        except CommandFailed as error:
            raise BrowserGone(str(error)) from None
        self._contexts.add(context)
        context.on_closed = self._contexts.discard
        return context

    async def reclaim(self) -> None:
        """See `Browser.reclaim`."""
        try:
            async with asyncio.timeout(RECLAIM_SECONDS):
                await self._connection.browser.send("Memory.simulatePressureNotification", level="critical")
        except CommandFailed as error:
            raise BrowserGone(str(error)) from None

    async def check(self) -> None:
        """See `Browser.check`."""
        try:
            await self._connection.browser.send("Storage.getCookies")
        except CommandFailed as error:
            raise BrowserGone(str(error)) from None

    async def renderers(self) -> dict[int, float]:
        """See `Browser.renderers`."""
        return await renderers(self._connection.browser)

    async def _end(self) -> None:
        """See `Browser.close`."""
        if self._process is None:
            await self._connection.close()
            return
        processes = below(self._process)
        try:
            with contextlib.suppress(BrowserGone, CommandFailed, TimeoutError):
                # Asked first: it then ends its own processes, and has time to.
                async with asyncio.timeout(CLOSE_SECONDS):
                    await self._connection.browser.send("Browser.close")
        finally:
            await _clear_away(self._connection, self._process, processes, self._scratch)

    def kill(self) -> None:
        """See `Browser.kill`."""
        kill(below(self._process))

    def _on_lost(self) -> None:
        if self.state is not BrowserState.CLOSED:
            self._on_gone(self)

    def _on_target(self, event: dict[str, Any]) -> None:
        """A page that a site opened by itself is looked at by nobody."""
        target = event["targetInfo"]
        owner = next((one for one in self._contexts if one.is_mine(target)), None)
        if owner is not None and owner.is_stray(target):
            self._connection.browser.tell("Target.closeTarget", targetId=target["targetId"])


async def _clear_away(
    line: PipeTransport | Connection | None,
    root: psutil.Process | None,
    processes: list[psutil.Process],
    scratch: Scratch | None,
) -> None:
    """End what runs, then remove the folder. In one thread, which goes on whoever is cancelled meanwhile."""

    def clear() -> None:
        end(processes)
        # What lost its parent when the browser died, and was stopped or slow, is nobody's child any more.
        end(session_of(root), patience_seconds=0.0)
        if scratch is not None:
            scratch.remove()

    await asyncio.shield(asyncio.to_thread(clear))
    if line is not None:
        await line.close()


def last_words(said: str) -> str:
    """Why Chromium did not start, of all that it wrote to its stderr: the fatal line, else the last one. Pure."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    fatal = (line for line in lines if "FATAL" in line or "error while loading" in line)
    return next(fatal, lines[-1] if lines else "")
