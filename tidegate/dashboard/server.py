"""The dashboard on a socket, while entered."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Final

import structlog
import uvicorn

from browser_pool import UnifiedBrowserPool
from jobs import JobManager
from memory import MemoryGuard
from scraper.store.database import Database
from tidegate.dashboard.fence import Fence
from tidegate.dashboard.site import DashboardSite
from tidegate.dashboard.state import State
from tidegate.errors import UsageError
from tidegate.listening import Listen

log = structlog.get_logger()

SHUTDOWN_SECONDS: Final = 2
MOST_CONNECTIONS: Final = 512


class Dashboard:
    """Serves while entered. `url` is where."""

    def __init__(
        self,
        listen: Listen,
        *,
        guard: MemoryGuard,
        pool: UnifiedBrowserPool,
        database: Database,
        manager: JobManager,
        token: str | None = None,
    ) -> None:
        self._listen = listen
        self._token = token
        self._guard = guard
        self._pool = pool
        self._database = database
        self._manager = manager
        self.url = ""

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Dashboard]:
        """Serve in here. Raises `UsageError` where nobody can listen there."""
        listening = _listening(self._listen)
        host, port = listening.getsockname()[:2]
        self.url = f"http://{Listen(host, port)}/"
        state = State(self._guard, self._pool, self._database, self._manager.stopping.is_set)
        closing = asyncio.Event()
        site = DashboardSite(
            state,
            guard=self._guard,
            pool=self._pool,
            database=self._database,
            manager=self._manager,
            closing=closing,
        )
        fence = Fence(site.application(), token=self._token, is_local=self._listen.is_loopback)
        server = _Server(
            uvicorn.Config(
                fence,
                loop="asyncio",
                http="h11",
                ws="none",
                lifespan="off",
                access_log=False,
                log_config=None,
                server_header=False,
                limit_concurrency=MOST_CONNECTIONS,
                timeout_graceful_shutdown=SHUTDOWN_SECONDS,
            )
        )
        serving = asyncio.create_task(server.serve(sockets=[listening]), name="dashboard.server")
        log.info("dashboard.ready", url=self.url)
        try:
            yield self
        finally:
            closing.set()
            server.should_exit = True
            await asyncio.wait({serving}, timeout=SHUTDOWN_SECONDS * 2)
            serving.cancel()
            await asyncio.wait({serving})
            listening.close()
            site.close()
            state.close()


class _Server(uvicorn.Server):
    """Signals are the program's to deal with."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave them alone."""
        yield


def _listening(listen: Listen) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(
            listen.host, listen.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return socket.create_server(address[:2], family=family, backlog=MOST_CONNECTIONS)
    except OSError as error:
        why = "that port is taken" if error.errno == errno.EADDRINUSE else (error.strerror or str(error))
        raise UsageError(
            f"the dashboard can't listen at {listen}: {why}. "
            'Choose another HOST:PORT with --dashboard or TIDEGATE_DASHBOARD, or "off".'
        ) from None
