"""SIGTERM: a worker drains and hands on what is left; a second one ends it at once."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

import pytest

from tests.faults.crew import (
    Crew,
    WorkerProcess,
    everything_is_read_once,
    follow_all,
    run_is_over,
    shared_database,
    until,
)
from tidegate.demo import DemoSite, World
from tidegate.running import EXIT_BY_SIGNAL

pytestmark = [pytest.mark.database, pytest.mark.browser, pytest.mark.processes]

POSTS = 30
SEED = 14
IDS = [post.id for post in World(SEED, posts=POSTS).posts]


async def is_at_page(look: Any, post_id: str) -> None:
    async def is_at_it() -> Any:
        return await look.fetchval(
            "select t.worker from tasks t join posts p on p.id = t.at_post where p.post_id = $1", post_id
        )

    await until("a page is open", is_at_it)


@pytest.mark.slow
async def test_the_page_that_is_open_comes_to_its_end_and_the_next_worker_does_the_rest(
    migrated_dsn: str, new_crew: Callable[..., Crew]
) -> None:
    crew = new_crew(migrated_dsn)
    async with (
        DemoSite(seed=SEED, posts=POSTS, troubles={IDS[13]: "slow:2"}) as site,
        shared_database(migrated_dsn) as look,
    ):
        await follow_all(migrated_dsn, site)
        first = crew.start()
        await is_at_page(look, IDS[13])
        first.send(signal.SIGTERM)
        assert await first.ended() == 0
        read = await look.fetch("select post_id from posts where last_outcome = 'ok' order by id")
        assert IDS[13] in [row["post_id"] for row in read]
        assert len(read) < POSTS
        assert await look.fetch("select id from tasks where state = 'open' and worker is not null") == []
        assert await look.fetchval("select status from job_runs") == "running"
        crew.start()
        run = await run_is_over(look)
        assert (run["status"], run["reason"], run["pages"]) == ("success", None, POSTS)
        await everything_is_read_once(migrated_dsn, site)
        assert (await site.stats())["requests"]["pages"] == POSTS, "nothing was read twice"
        assert await look.fetchval("select sum(failures + deaths + put_offs) from tasks") == 0
    assert await crew.ask_to_end() == [0]
    await crew.nothing_is_left_over()


@pytest.mark.slow
async def test_a_page_that_does_not_end_in_time_is_left_to_the_next_worker(
    migrated_dsn: str, new_crew: Callable[..., Crew]
) -> None:
    crew = new_crew(migrated_dsn, drain_seconds="1", page_seconds="60")
    slow = {IDS[13]: "slow:30"}
    async with (
        DemoSite(seed=SEED, posts=POSTS, troubles=slow) as site,
        DemoSite(seed=SEED, posts=POSTS) as plain,
        shared_database(migrated_dsn) as look,
    ):
        await follow_all(migrated_dsn, site)
        first = crew.start()
        await is_at_page(look, IDS[13])
        first.send(signal.SIGTERM)
        assert await first.ended() == 0
        assert first.events("worker.abandons")
        assert await look.fetch("select id from tasks where state = 'open' and worker is not null") == []
        await look.execute("update posts set url = replace(url, $1, $2)", site.url, plain.url)
        crew.start()
        run = await run_is_over(look)
        assert (run["status"], run["reason"], run["pages"]) == ("success", None, POSTS)
        await everything_is_read_once(migrated_dsn, site)
        assert await look.fetchval("select sum(failures + deaths) from tasks") == 0
        assert await look.fetchval("select sum(worker_deaths) from posts") == 0
    assert await crew.ask_to_end() == [0]
    await crew.nothing_is_left_over()


@pytest.mark.slow
async def test_a_second_signal_ends_it_at_once_and_the_next_worker_does_the_rest(
    migrated_dsn: str, new_crew: Callable[..., Crew]
) -> None:
    crew = new_crew(migrated_dsn, drain_seconds="3000", page_seconds="600")
    async with (
        DemoSite(seed=SEED, posts=POSTS, troubles={IDS[13]: "slow:600"}) as site,
        DemoSite(seed=SEED, posts=POSTS) as plain,
        shared_database(migrated_dsn) as look,
    ):
        await follow_all(migrated_dsn, site)
        first = crew.start()
        await is_at_page(look, IDS[13])
        first.send(signal.SIGTERM)
        await _drains(first)
        first.send(signal.SIGTERM)
        assert await first.ended() == EXIT_BY_SIGNAL + signal.SIGTERM
        waiting = await look.fetch("select payload from pgqueuer where entrypoint = 'tidegate.task'")
        open_tasks = await look.fetch("select id from tasks where state = 'open'")
        assert {int(row["payload"]) for row in waiting} == {row["id"] for row in open_tasks}
        await look.execute("update posts set url = replace(url, $1, $2)", site.url, plain.url)
        crew.start()
        run = await run_is_over(look)
        assert (run["status"], run["reason"], run["pages"]) == ("success", None, POSTS)
        await everything_is_read_once(migrated_dsn, site)
        # Whoever ends it so says nothing against the page that was open.
        assert await look.fetchval("select sum(worker_deaths) from posts") == 0
        assert await look.fetchval("select sum(deaths) from tasks") == 0
    assert await crew.ask_to_end() == [0]
    await crew.nothing_is_left_over()


async def _drains(worker: WorkerProcess) -> None:
    async def drains() -> bool:
        return bool(worker.events("worker.draining"))

    await until("it drains", drains)
