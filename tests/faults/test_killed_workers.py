"""Workers killed with -9: what they were at is done by others, once."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from scraper.store.tasks import DEATHS
from tests.faults.crew import (
    Crew,
    everything_is_read_once,
    follow_all,
    run_is_over,
    shared_database,
    until,
)
from tests.needs import rest_slow
from tidegate.demo import DemoSite, World

pytestmark = [pytest.mark.database, pytest.mark.browser, pytest.mark.processes]

POSTS = 60
SEED = 11


def ids(posts: int) -> list[str]:
    """The posts of the site, in the order in which they are due."""
    return [post.id for post in World(SEED, posts=posts).posts]


@pytest.mark.parametrize("seed", rest_slow((1, 2)))
async def test_whoever_is_killed_when_every_post_is_read_once_and_as_it_is_true(
    migrated_dsn: str, new_crew: Callable[..., Crew], seed: int
) -> None:
    chance = Random(seed)
    crew = new_crew(migrated_dsn)
    slow = {post_id: f"slow:{chance.uniform(0.1, 0.6):.2f}" for post_id in ids(POSTS)}
    async with DemoSite(seed=SEED, posts=POSTS, troubles=slow) as site, shared_database(migrated_dsn) as look:
        await follow_all(migrated_dsn, site)
        for _ in range(3):
            crew.start()
        for pages in sorted(chance.sample(range(5, POSTS - 10), 4)):

            async def are_read(pages: int = pages) -> bool:
                return int((await site.stats())["requests"]["pages"]) >= pages

            await until(f"{pages} pages are read", are_read)
            chance.choice(crew.alive).kill()
            crew.start()
        run = await run_is_over(look)
        await everything_is_read_once(migrated_dsn, site)
        assert (run["status"], run["reason"], run["pages"], run["rows_written"]) == ("success", None, POSTS, POSTS)
        assert await look.fetchval("select count(*) from tasks where state <> 'done'") == 0
    assert await crew.ask_to_end() == [0] * 3
    await crew.nothing_is_left_over()


async def kill_who_reads(poison: str, site: DemoSite, look: Any, crew: Crew) -> None:
    """As often as a page is tried: kill the worker that has it open, and let it be taken for dead."""
    url = site.post_url(site.world.post(poison))
    for _ in range(DEATHS):
        crew.start()

        async def victim() -> str | None:
            name: str | None = await look.fetchval(
                "select t.worker from tasks t join posts p on p.id = t.at_post where p.url = $1", url
            )
            return name if crew.who_is(name) else None

        worker = crew.who_is(await until("somebody is at the page", victim))
        assert worker is not None
        worker.kill()
        # Time goes by until nobody has heard of it for too long.
        await look.execute("update pgqueuer set heartbeat = heartbeat - interval '1 minute'")


async def test_a_page_that_kills_its_worker_three_times_is_held_and_named_and_all_others_are_read(
    migrated_dsn: str, new_crew: Callable[..., Crew]
) -> None:
    poison = ids(40)[33]
    crew = new_crew(migrated_dsn)
    async with (
        DemoSite(seed=SEED, posts=40, troubles={poison: "hang"}) as site,
        shared_database(migrated_dsn) as look,
    ):
        await follow_all(migrated_dsn, site)
        url = site.post_url(site.world.post(poison))
        await kill_who_reads(poison, site, look, crew)
        crew.start()
        run = await run_is_over(look)
        assert (run["status"], run["reason"]) == ("partial", f"{url} is held: {DEATHS} workers died at it")
        not_followed = await look.fetch("select url, state from posts where state <> 'followed'")
        assert [tuple(row) for row in not_followed] == [(url, "held")]
        await everything_is_read_once(migrated_dsn, site, but=[poison])
    assert await crew.ask_to_end() == [0]
    await crew.nothing_is_left_over()


@pytest.mark.slow
async def test_what_waits_while_a_page_kills_its_worker_is_read(
    migrated_dsn: str, new_crew: Callable[..., Crew]
) -> None:
    poison = ids(40)[13]
    slow = {**dict.fromkeys(ids(40), "slow:0.3"), poison: "hang"}
    crew = new_crew(migrated_dsn, max_contexts="2")
    async with (
        DemoSite(seed=SEED, posts=40, troubles=slow) as site,
        shared_database(migrated_dsn) as look,
    ):
        await follow_all(migrated_dsn, site)
        await kill_who_reads(poison, site, look, crew)
        crew.start()
        await run_is_over(look)
        await everything_is_read_once(migrated_dsn, site, but=[poison])


@pytest.mark.slow
async def test_a_page_that_is_open_beside_one_that_kills_its_worker_is_read(
    migrated_dsn: str, new_crew: Callable[..., Crew]
) -> None:
    bystander, poison = ids(20)[2], ids(20)[13]
    crew = new_crew(migrated_dsn, max_contexts="2")
    slow = {**dict.fromkeys(ids(20), "slow:0.3"), bystander: "slow:5", poison: "hang"}
    async with DemoSite(seed=SEED, posts=20, troubles=slow) as site, shared_database(migrated_dsn) as look:
        await follow_all(migrated_dsn, site)
        await kill_who_reads(poison, site, look, crew)
        crew.start()
        await run_is_over(look)
        await everything_is_read_once(migrated_dsn, site, but=[poison])
