"""The storm: a seed has one plan, and what is lost, doubled, wrong or left over would be found."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.crew import Crew, follow_all, run_is_over, shared_database
from tests.faults.storm import POSTS_A_ROUND, ROUND_SECONDS, storm
from tests.faults.storm_check import verdict
from tests.faults.storm_hits import NOBODY
from tests.faults.strikes import AMOUNTS, LONG_STOP, Fault, plan
from tests.faults.weather import Weather, weather_of
from tidegate.demo import DemoSite

SEED = 5
POSTS = 12
SHORT_SEED = 2551
"""It kills a worker, a backend, the server, a network process, a browser and a driver, and fills the disk."""
SHORT_SECONDS = 32
KILLS = [fault for fault in Fault if fault.startswith("kill")]
MOST_KILLS = 4
"""Who is killed has to be there just then; most of them are."""


def test_a_seed_has_one_plan_and_another_seed_another() -> None:
    assert plan(7, 180) == plan(7, 180)
    assert len({plan(seed, 180) for seed in range(20)}) == 20


def test_a_longer_storm_begins_like_the_short_one() -> None:
    short = plan(7, 60)
    assert plan(7, 600)[: len(short)] == short


@pytest.mark.parametrize("seed", range(10))
def test_every_kind_hits_within_three_minutes_and_none_after_the_end(seed: int) -> None:
    strikes = plan(seed, 180)
    assert {strike.fault for strike in strikes} == set(Fault)
    assert [strike.at_seconds for strike in strikes] == sorted(strike.at_seconds for strike in strikes)
    assert strikes[-1].at_seconds < 180
    for strike in strikes:
        low, high = AMOUNTS.get(strike.fault, (0, 0))
        is_long = strike.fault is Fault.STOP_WORKER and strike.amount >= LONG_STOP[0]
        assert is_long or low <= strike.amount <= high
        assert 0 <= strike.pick < 1


def test_some_worker_is_stopped_for_so_long_that_others_take_over() -> None:
    strikes = [strike for seed in range(10) for strike in plan(seed, 180)]
    assert any(strike.fault is Fault.STOP_WORKER and strike.amount >= LONG_STOP[0] for strike in strikes)


def test_with_only_the_others_are_left_out_and_nothing_else_changes() -> None:
    only = (Fault.KILL_WORKER, Fault.SITE_LIES)
    assert plan(7, 180, only) == tuple(strike for strike in plan(7, 180) if strike.fault in only)


def test_a_storm_says_how_to_have_it_again() -> None:
    weather = Weather(7, 90, 3, 512, (Fault.KILL_WORKER,))
    words = weather.replay.removeprefix("python -m tests.faults.storm ").split()
    assert weather_of(words) == weather


BREAKS = {
    "lost": "delete from snapshots where id = (select min(id) from snapshots)",
    "doubled": (
        "alter table snapshots drop constraint snapshots_post_run_key;"
        " insert into snapshots (post, run, due_at, taken_at, likes, views, reposts, replies, bookmarks)"
        " select post, run, due_at + interval '1 s', taken_at + interval '1 s', likes, views, reposts, replies,"
        " bookmarks from snapshots order by id limit 1"
    ),
    "wrong": "update snapshots set likes = likes + 1 where id = (select min(id) from snapshots)",
    "left": "update job_runs set status = 'running', finished_at = null where id = (select max(id) from job_runs)",
}


@pytest.mark.database
@pytest.mark.browser
@pytest.mark.processes
async def test_what_is_lost_doubled_wrong_or_left_over_is_found(
    migrated_dsn: str, new_crew: Callable[..., Crew]
) -> None:
    async with DemoSite(seed=SEED, posts=POSTS) as site, shared_database(migrated_dsn) as look:
        await follow_all(migrated_dsn, site)
        crew = new_crew(migrated_dsn)
        crew.start()
        await run_is_over(look)
        assert await crew.ask_to_end() == [0]
        ids = {post.id for post in site.world.posts}
        well = await verdict(look, site.world, ids)
        assert (well.findings, well.snapshots) == ([], POSTS)
        async with look.acquire() as connection:
            for finding, statements in BREAKS.items():
                done = connection.transaction()
                await done.start()
                # The store itself refuses to change them.
                await connection.execute("alter table snapshots disable trigger user")
                await connection.execute(statements)
                assert getattr(await verdict(connection, site.world, ids), finding), finding
                await done.rollback()


@pytest.mark.database
@pytest.mark.browser
@pytest.mark.processes
async def test_a_short_storm_loses_nothing(open_folder: Path, chromium: Path) -> None:
    folder = open_folder / "storm"
    folder.mkdir()
    weather, said = Weather(SHORT_SEED, SHORT_SECONDS), list[str]()
    found, troubles = await storm(weather, folder, said.append)
    story = "\n".join([weather.replay, *said])
    assert (found.findings, troubles) == ([], []), story
    followed = POSTS_A_ROUND * int(SHORT_SECONDS // ROUND_SECONDS)
    assert found.snapshots == followed, story
    hit = [line for line in said if any(f"  {fault}" in line for fault in KILLS) and NOBODY not in line]
    assert len(hit) >= MOST_KILLS, story
