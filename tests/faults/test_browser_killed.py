"""Chromium killed with -9 in mid task: its pages are read in another one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.faults.crew import Crew, everything_is_read_once, follow_all, run_is_over, shared_database, until
from tidegate.demo import DemoSite, World

pytestmark = [pytest.mark.database, pytest.mark.browser, pytest.mark.processes]

POSTS = 30
SEED = 13
SLOW = {post.id: "slow:0.3" for post in World(SEED, posts=POSTS).posts}


async def test_a_browser_that_is_killed_in_mid_task_costs_no_post_and_no_worker(
    migrated_dsn: str, new_crew: Callable[..., Crew]
) -> None:
    crew = new_crew(migrated_dsn)
    async with (
        DemoSite(seed=SEED, posts=POSTS, troubles=SLOW) as site,
        shared_database(migrated_dsn) as look,
    ):
        await follow_all(migrated_dsn, site)
        worker = crew.start()
        for pages in (5, 20):

            async def is_open(pages: int = pages) -> bool:
                asked = (await site.stats())["requests"]["pages"]
                return asked >= pages and bool(await look.fetchval("select count(at_post) from tasks"))

            await until("a page is open", is_open)
            [browser] = worker.browsers()
            browser.kill()
        run = await run_is_over(look)
        assert (run["status"], run["reason"], run["pages"]) == ("success", None, POSTS)
        await everything_is_read_once(migrated_dsn, site)
        assert len(worker.events("browser.launched")) == 3
        assert await look.fetchval("select sum(worker_deaths) from posts") == 0
        assert await look.fetchval("select sum(failures + deaths + put_offs) from tasks") == 0
    assert await crew.ask_to_end() == [0]
    await crew.nothing_is_left_over()
