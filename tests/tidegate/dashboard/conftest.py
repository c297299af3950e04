"""A dashboard on a port of its own, with a real pool and a real database behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from browser_pool import PoolSettings, UnifiedBrowserPool
from jobs import Ending, Job, Run, Status, Worker
from memory import MemoryGuard
from scraper.store import schedules
from scraper.store.database import Database
from tidegate.dashboard import Dashboard
from tidegate.listening import Listen

HERE = Listen("127.0.0.1")
OWN = {"x-tidegate": "1"}


@dataclass(frozen=True)
class Shown:
    """What is behind the dashboard, and a client in front of it."""

    database: Database
    guard: MemoryGuard
    pool: UnifiedBrowserPool
    worker: Worker
    dashboard: Dashboard
    asks: httpx2.AsyncClient


async def nothing(_: Run) -> Ending:
    return Ending(Status.SUCCESS)


@pytest.fixture
async def pool(chromium: Path) -> AsyncIterator[UnifiedBrowserPool]:
    settings = PoolSettings(chromium=chromium, max_contexts=3, needs_page=False)
    async with MemoryGuard() as guard, UnifiedBrowserPool(settings, guard=guard) as pool:
        yield pool


@pytest.fixture
async def shown(database: Database, pool: UnifiedBrowserPool) -> AsyncIterator[Shown]:
    """A dashboard of a worker that knows one job, "tidy", which has a schedule."""
    guard = pool._guard
    async with Worker(database, guard, [Job("tidy", 8, 10, nothing)], at_once=1) as worker:
        await schedules.declare(database, "tidy", "every 1h", lambda now: now)
        dashboard = Dashboard(HERE, guard=guard, pool=pool, database=database, manager=worker.manager)
        async with dashboard.serving(), httpx2.AsyncClient(base_url=dashboard.url, timeout=30) as asks:
            yield Shown(database, guard, pool, worker, dashboard, asks)
