"""`bench_site`: the demo site as the comparison has it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bench.workloads import POSTS, SEED
from tidegate.demo import DemoSite


@pytest.fixture(scope="session")
async def bench_site() -> AsyncIterator[DemoSite]:
    async with DemoSite(seed=SEED, posts=POSTS) as site:
        yield site
