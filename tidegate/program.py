"""The wiring: one of each thing that the program has one of, and in which order they come and go."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from browser_pool import Identity, PoolSettings, UnifiedBrowserPool
from memory import Level, MemoryGuard, MemoryMonitor, MemorySource
from scraper.addresses import AddressPolicy
from scraper.definitions import Definitions
from scraper.evidence import EvidenceFolder
from scraper.store.database import Database
from scraper.store.embedded import EmbeddedPostgres
from scraper.store.errors import StoreError
from scraper.store.hosts import SharedPace
from scraper.store.memory_history import MemoryHistory
from scraper.visit import Visitor, VisitSettings
from tidegate.sessions import Sessions
from tidegate.settings import MIB, Settings
from tidegate.tracing import open_traces

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Program:
    """What every command that opens pages has."""

    settings: Settings
    guard: MemoryGuard
    pool: UnifiedBrowserPool
    visitor: Visitor
    definitions: Definitions

    def sharing_pace(self, database: Database) -> Program:
        """The same, asking hosts no oftener than everybody on `database` together may."""
        return replace(self, visitor=self.visitor.sharing(SharedPace(database)))

    def identity_of(self, site: str) -> Identity:
        """Who a lease of `site` is: the session of a person's login, where there is one. Raises `SessionRefused`."""
        return sessions_of(self.settings).identity_of(site)


def sessions_of(settings: Settings) -> Sessions:
    """Where the sessions are that logins left behind."""
    return Sessions(settings.data_dir / "sessions")


def definitions_for(settings: Settings, *folders: Path) -> Definitions:
    """The built-in definitions, those of `folders`, and the user's own, which go first."""
    definitions = Definitions.builtin()
    for folder in (*folders, *([settings.sites_dir] if settings.sites_dir else [])):
        definitions = definitions.load(folder)
    return definitions


def guard_for(settings: Settings) -> MemoryGuard:
    """A guard that knows the user's cap."""
    cap_bytes = settings.memory_limit_mb * MIB if settings.memory_limit_mb else None
    return MemoryGuard(MemoryMonitor(MemorySource(cap_bytes=cap_bytes)))


def evidence_for(settings: Settings, guard: MemoryGuard) -> EvidenceFolder | None:
    """Where evidence is kept. While memory is short there are no screenshots: they take some, and give none back."""
    if not settings.evidence_mb:
        return None
    return EvidenceFolder(
        settings.data_dir / "evidence",
        settings.evidence_mb * MIB,
        has_room=lambda: guard.monitor.check_memory().level < Level.CRITICAL,
        redacted=sessions_of(settings).redacted,
    )


def pool_settings(settings: Settings) -> PoolSettings:
    """What the pool is told. Nothing here needs a Playwright page, so nothing here pays for one."""
    pool = PoolSettings(chromium=settings.chromium, needs_page=False, endpoints=settings.browsers)
    return pool if settings.max_contexts is None else replace(pool, max_contexts=settings.max_contexts)


def tasks_at_once(pool: UnifiedBrowserPool) -> int:
    """How many tasks a worker takes: one a context, and one besides that needs none."""
    return pool.settings.max_contexts + 1


@asynccontextmanager
async def open_program(
    settings: Settings,
    *,
    policy: AddressPolicy | None = None,
    definitions: Definitions | None = None,
    pool: PoolSettings | None = None,
) -> AsyncIterator[Program]:
    """A running pool with its memory gate, as `pool` says or as settings do. All it started has ended afterwards."""
    guard = guard_for(settings)
    async with AsyncExitStack() as stack:
        traces = await stack.enter_async_context(open_traces())
        visitor = Visitor(
            policy or AddressPolicy(allow_private=settings.allow_private),
            VisitSettings(
                page_seconds=settings.page_seconds,
                feed_seconds=settings.feed_seconds,
                heed_robots=settings.heed_robots,
                evidence=evidence_for(settings, guard),
                on_report=traces.on_report,
            ),
        )
        await stack.enter_async_context(guard)
        running = UnifiedBrowserPool(pool or pool_settings(settings), guard=guard)
        await stack.enter_async_context(traces.of(running))
        await stack.enter_async_context(running)
        yield Program(settings, guard, running, visitor, definitions or definitions_for(settings))


def has_database(settings: Settings) -> bool:
    """Whether there is a database already: one that is set, or the embedded one of an earlier run."""
    return settings.database_url is not None or EmbeddedPostgres.is_in(settings.data_dir)


@asynccontextmanager
async def sharing_pace(program: Program) -> AsyncIterator[Program]:
    """`program`, taking turns at hosts with all others on its database, if one is set or runs here already.

    Where that does not answer, turns are this process's own, and the log says so.
    """
    settings = program.settings
    async with AsyncExitStack() as stack:
        if settings.database_url is not None or EmbeddedPostgres.runs_in(settings.data_dir):
            try:
                database = await stack.enter_async_context(open_database(settings))
                program = program.sharing_pace(database)
            except StoreError as error:
                log.warning("pace.not_shared", reason=str(error))
        yield program


@asynccontextmanager
async def open_database(
    settings: Settings,
    guard: MemoryGuard | None = None,
    *,
    keeps_running: bool = False,
    patience_seconds: float = 0.0,
) -> AsyncIterator[Database]:
    """The database that is set, or the embedded one. Raises `StoreError`, with what to do.

    With a `guard` the memory history is kept in it, and an embedded server counts as ours. With `keeps_running` one
    that dies is started anew, and what goes on in here is ended when it can't be. One that is set and does not answer
    is waited for so many seconds.
    """
    async with AsyncExitStack() as stack:
        dsn = settings.database_url
        if dsn is None:
            server = await stack.enter_async_context(EmbeddedPostgres(settings.data_dir))
            dsn = server.dsn
            if keeps_running:
                await stack.enter_async_context(_kept_running(server))
            if guard is not None and server.pid is not None:
                guard.monitor.count_also(server.pid)
        database = await stack.enter_async_context(Database(dsn, patience_seconds=patience_seconds))
        if guard is not None:
            await stack.enter_async_context(MemoryHistory(database, guard))
        yield database


@asynccontextmanager
async def _kept_running(server: EmbeddedPostgres) -> AsyncIterator[None]:
    try:
        async with asyncio.TaskGroup() as group:
            keeper = group.create_task(server.keep_running(), name="postgres.keeper")
            yield
            keeper.cancel()
    except BaseExceptionGroup as raised:
        # A group of its own making: nobody outside asked for one.
        lost, _ = raised.split(StoreError)
        raise (lost or raised).exceptions[0] from None
