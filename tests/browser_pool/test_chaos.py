"""All faults at random and together: every good page is read, and nothing is left over.

`TIDEGATE_CHAOS_PAGES=1000` makes the run longer, `TIDEGATE_CHAOS_SEED` another one.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

import pytest

from browser_pool import UnifiedBrowserPool
from memory import MemoryBudget
from tests.browser_pool.chaos import Chaos, Left
from tests.needs import rest_slow
from tidegate.demo import DemoSite

pytestmark = pytest.mark.browser

Eventually = Callable[[Callable[[], bool]], Awaitable[None]]
MakePool = Callable[..., AbstractAsyncContextManager[UnifiedBrowserPool]]
Folders = Callable[[], list[str]]

PAGES = int(os.environ.get("TIDEGATE_CHAOS_PAGES", "30"))
SEED = int(os.environ.get("TIDEGATE_CHAOS_SEED", "1"))


@pytest.fixture(params=rest_slow((False, True)), ids=("bare", "playwright"))
def needs_page(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


async def test_under_every_fault_at_once_each_good_page_is_read_and_nothing_is_left_over(
    make_pool: MakePool, demo_site: DemoSite, folders: Folders, eventually: Eventually, *, needs_page: bool
) -> None:
    before = Left.now()
    budget = MemoryBudget()
    async with make_pool(budget, max_contexts=3, clean_seconds=1.0, deaths_per_url=1000) as pool:
        chaos = Chaos(pool, demo_site, SEED, PAGES, has_pages=needs_page)
        await chaos.run()
        print(dict(chaos.ended), dict(chaos.struck), pool.statistics())  # noqa: T201 what the run was like
        assert chaos.read == chaos.wanted > 0
        assert chaos.struck, "nobody was hurt: this has shown nothing"
        # Nobody holds anything: what was forgotten has been taken back, what died has been replaced.
        await eventually(lambda: not pool._table.leases and not pool._table.waiters)
        async with pool.lease(site="after", deadline=30) as lease:
            assert (await lease.open(f"{demo_site.url}/robots.txt", timeout_seconds=10)).status == 200
        await eventually(lambda: all(one.state.value == "free" for one in pool._table.contexts))
        now = pool.statistics()
        assert (now.waiting, now.leased, now.cleaning, now.closing) == (0, 0, 0, 0)
        assert now.contexts_made - now.contexts_closed == now.free <= 3
        assert budget.statistics().reservations <= len(pool._learner._growth)
        assert sum(name.startswith("tidegate-") for name in folders()) <= 2
    await eventually(lambda: Left.now().children == before.children)
    await eventually(lambda: Left.now().tasks == before.tasks)
    after = Left.now()
    assert (after.descriptors, after.threads) <= (before.descriptors, before.threads + len(asyncio.all_tasks()))
    assert budget.statistics().reservations == 0
    assert folders() == []
