"""What a job needs, for real: the demo site, a pool, a database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from browser_pool import PoolSettings, UnifiedBrowserPool
from jobs import Job, JobReport, Worker
from memory import MemoryGuard, MemoryMonitor
from scraper.addresses import AddressPolicy
from scraper.definitions import Definitions
from scraper.outcome import Outcome
from scraper.store.database import Database
from scraper.store.hosts import SharedPace
from scraper.visit import Visitor, VisitSettings
from tests.jobs.hands import Box, guard_of
from tidegate.demo_run import FOLDER


@dataclass(frozen=True)
class Shop:
    """Everything that jobs are made of."""

    database: Database
    monitor: MemoryMonitor
    pool: UnifiedBrowserPool
    visitor: Visitor
    definitions: Definitions
    guard: MemoryGuard

    async def run(self, job: Job, tell: Callable[[Outcome], None] = lambda _: None) -> JobReport:
        """Run a job to its end, with a worker of its own."""
        async with Worker(self.database, self.guard, [job], at_once=3, tell=tell) as worker:
            return await worker.run(job.name)


@asynccontextmanager
async def opened(database: Database, chromium: Path, guard: MemoryGuard) -> AsyncIterator[Shop]:
    """Opens a pool over `guard`, and all that jobs need beside it."""
    visitor = Visitor(AddressPolicy(allow_private=True), VisitSettings(page_seconds=2), SharedPace(database))
    settings = PoolSettings(chromium=chromium, max_contexts=2, needs_page=False)
    async with guard, UnifiedBrowserPool(settings, guard=guard) as pool:
        yield Shop(database, guard.monitor, pool, visitor, Definitions.builtin().load(FOLDER), guard)


@pytest.fixture
async def shop(database: Database, chromium: Path) -> AsyncIterator[Shop]:
    """On this machine, with the memory that it has."""
    async with opened(database, chromium, MemoryGuard()) as shop:
        yield shop


@pytest.fixture
def box() -> Box:
    return Box()


@pytest.fixture
async def boxed_shop(database: Database, chromium: Path, box: Box) -> AsyncIterator[Shop]:
    """On a machine of 512 MiB whose use the test sets, by `box`."""
    async with opened(database, chromium, guard_of(box)) as shop:
        yield shop
