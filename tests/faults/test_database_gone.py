"""Postgres goes away in mid run, and comes back: nothing is lost, nothing is doubled, no worker ends."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from scraper.store.embedded import EmbeddedPostgres
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

POSTS = 40
SEED = 12
SLOW = {post.id: "slow:0.3" for post in World(SEED, posts=POSTS).posts}


async def pages_are_asked_for(site: DemoSite, count: int) -> None:
    async def are() -> bool:
        return int((await site.stats())["requests"]["pages"]) >= count

    await until(f"{count} pages are asked for", are)


@pytest.mark.parametrize("gone_seconds", rest_slow((0, 10)))
async def test_a_database_that_is_stopped_and_comes_back_costs_no_post(
    open_folder: Path, new_crew: Callable[..., Crew], gone_seconds: float
) -> None:
    folder = open_folder / "stopped"
    server = EmbeddedPostgres(folder / str(gone_seconds))
    folder.mkdir(exist_ok=True)
    await server.__aenter__()
    try:
        crew = new_crew(server.dsn)
        async with (
            DemoSite(seed=SEED, posts=POSTS, troubles=SLOW) as site,
            shared_database(server.dsn) as look,
        ):
            await follow_all(server.dsn, site)
            crew.start()
            crew.start()
            await pages_are_asked_for(site, 12)
            pid = server.pid
            await server.__aexit__()
            assert pid is not None
            assert not psutil.pid_exists(pid)
            # The fault itself: it is gone for so long.
            await asyncio.sleep(gone_seconds)
            await server.__aenter__()
            run = await run_is_over(look)
            assert (run["status"], run["reason"], run["pages"]) == ("success", None, POSTS)
            await everything_is_read_once(server.dsn, site)
            assert await look.fetchval("select sum(deaths) from tasks") == 0
            assert len(crew.alive) == 2
            said = {event["event"] for worker in crew.workers for event in worker.said}
            assert said & {"queue.lost", "database.waited_for", "scheduler.failed", "library.says"}, (
                "they have noticed"
            )
            assert await crew.ask_to_end() == [0, 0]
        await crew.nothing_is_left_over()
    finally:
        await server.__aexit__()


async def test_a_worker_that_starts_while_its_database_is_away_waits_for_it(
    open_folder: Path, new_crew: Callable[..., Crew]
) -> None:
    server = EmbeddedPostgres(open_folder / "away")
    async with server, DemoSite(seed=SEED, posts=POSTS) as site:
        await follow_all(server.dsn, site)
    crew = new_crew(server.dsn)
    waiting = crew.start()

    async def waits() -> bool:
        assert waiting.is_alive, waiting.last_words()
        return bool(waiting.events("database.waited_for"))

    await until("it waits", waits)
    assert not waiting.events("worker.ready")
    async with server, shared_database(server.dsn) as look:
        await waiting.ready()
        await run_is_over(look)
        assert await crew.ask_to_end() == [0]
    await crew.nothing_is_left_over()


@pytest.mark.slow
async def test_the_server_of_serve_is_started_anew_when_it_is_killed_and_the_run_goes_on(
    new_crew: Callable[..., Crew],
) -> None:
    crew = new_crew(None)
    server = EmbeddedPostgres(crew.folder / "data")
    async with DemoSite(seed=SEED, posts=POSTS, troubles=SLOW) as site:
        async with server:
            await follow_all(server.dsn, site)
        serving = crew.start("serve")
        await serving.ready()
        await pages_are_asked_for(site, 12)
        killed = server.pid
        assert killed is not None
        os.kill(killed, signal.SIGKILL)
        async with shared_database(server.dsn) as look:
            run = await run_is_over(look)
            assert (run["status"], run["reason"], run["pages"]) == ("success", None, POSTS)
            await everything_is_read_once(server.dsn, site)
            assert await look.fetchval("select sum(deaths) from tasks") == 0
        assert server.pid != killed
        assert await crew.ask_to_end() == [0]
    assert server.pid is None
    await crew.nothing_is_left_over()
