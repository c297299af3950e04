"""The wiring: one of each thing that the program has one of, and in which order they come and go."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from browser_pool import PoolSettings, UnifiedBrowserPool
from memory import MemoryBudget, MemoryMonitor, MemorySource
from scraper.addresses import AddressPolicy
from scraper.definitions import Definitions
from scraper.store.database import Database
from scraper.store.embedded import EmbeddedPostgres
from scraper.visit import Visitor, VisitSettings
from tidegate.settings import MIB, Settings


@dataclass(frozen=True, slots=True)
class Program:
    """What every command that opens pages has."""

    settings: Settings
    monitor: MemoryMonitor
    budget: MemoryBudget
    pool: UnifiedBrowserPool
    visitor: Visitor
    definitions: Definitions


def definitions_for(settings: Settings, *folders: Path) -> Definitions:
    """The built-in definitions, those of `folders`, and the user's own, which go first."""
    definitions = Definitions.builtin()
    for folder in (*folders, *([settings.sites_dir] if settings.sites_dir else [])):
        definitions = definitions.load(folder)
    return definitions


@asynccontextmanager
async def open_program(
    settings: Settings, *, policy: AddressPolicy | None = None, definitions: Definitions | None = None
) -> AsyncIterator[Program]:
    """A running pool with its memory gate. Everything it started has ended when this is left."""
    cap_bytes = settings.memory_limit_mb * MIB if settings.memory_limit_mb else None
    monitor = MemoryMonitor(MemorySource(cap_bytes=cap_bytes))
    budget = MemoryBudget()
    visitor = Visitor(
        policy or AddressPolicy(allow_private=settings.allow_private),
        VisitSettings(page_seconds=settings.page_seconds, heed_robots=settings.heed_robots),
    )
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(monitor)
        pool = await stack.enter_async_context(
            UnifiedBrowserPool(_pool_settings(settings), monitor=monitor, budget=budget)
        )
        yield Program(settings, monitor, budget, pool, visitor, definitions or definitions_for(settings))


@asynccontextmanager
async def open_database(settings: Settings, monitor: MemoryMonitor | None = None) -> AsyncIterator[Database]:
    """The database that is set, or the embedded one. Raises `StoreError`, with what to do."""
    async with AsyncExitStack() as stack:
        dsn = settings.database_url
        if dsn is None:
            server = await stack.enter_async_context(EmbeddedPostgres(settings.data_dir))
            dsn = server.dsn
            if monitor is not None and server.pid is not None:
                monitor.count_also(server.pid)
        yield await stack.enter_async_context(Database(dsn))


def _pool_settings(settings: Settings) -> PoolSettings:
    pool = PoolSettings(chromium=settings.chromium)
    return pool if settings.max_contexts is None else replace(pool, max_contexts=settings.max_contexts)
