"""The pace of hosts in the database: one for all, kept over restarts."""

from __future__ import annotations

import asyncio
import math

import pytest

from scraper.pace import MOST_TOLD_SECONDS, interval_seconds
from scraper.store.database import Database
from scraper.store.hosts import SharedPace

pytestmark = pytest.mark.database


async def test_two_processes_take_turns_at_a_host_and_never_the_same(database: Database) -> None:
    async with Database(database.dsn) as other:
        one, two = SharedPace(database), SharedPace(other)
        turns = [pace.take_turn("h", pause_seconds=10, most_seconds=1e6) for pace in (one, two) * 10]
        waits = sorted(wait for wait in await asyncio.gather(*turns) if wait is not None)
    assert len(waits) == 20
    assert all(wait == pytest.approx(place * 10, abs=5) for place, wait in enumerate(waits))


async def test_a_turn_that_is_too_far_away_is_not_taken(database: Database) -> None:
    pace = SharedPace(database)
    assert await pace.take_turn("far", pause_seconds=100, most_seconds=50) == 0
    assert await pace.take_turn("far", pause_seconds=100, most_seconds=50) is None
    assert await pace.take_turn("near", pause_seconds=100, most_seconds=50) == 0
    assert await pace.wait_seconds("far") == pytest.approx(100, abs=5)
    assert await pace.wait_seconds("never asked") == 0


async def test_a_back_off_holds_for_all_survives_a_restart_and_grows_until_there_is_an_answer(
    database: Database,
) -> None:
    first = SharedPace(database)
    assert await first.back_off("shy", None) == pytest.approx(60, abs=5)
    async with Database(database.dsn) as later:
        second = SharedPace(later)
        assert await second.take_turn("shy", pause_seconds=1, most_seconds=10) is None
        assert await second.wait_seconds("shy") == pytest.approx(60, abs=5)
        assert await second.back_off("shy", None) == pytest.approx(120, abs=5)
        assert await second.back_off("shy", 3) == pytest.approx(120, abs=5)
        await second.answered("shy")
        assert await second.back_off("shy", 500) == pytest.approx(500, abs=5)
        assert await second.back_off("new", None) == pytest.approx(60, abs=5)
    assert await first.take_turn("shy", pause_seconds=1, most_seconds=1000) == pytest.approx(500, abs=5)


@pytest.mark.parametrize(
    ("told", "seconds"), ((math.inf, MOST_TOLD_SECONDS), (1e18, MOST_TOLD_SECONDS), (math.nan, 5), (0, 5), (-7, 5))
)
async def test_no_host_is_left_alone_for_ever_or_not_at_all_whatever_it_says(
    database: Database, told: float, seconds: float
) -> None:
    pace = SharedPace(database)
    assert await pace.back_off(f"told {told}", told) == pytest.approx(seconds, abs=4)
    assert await pace.wait_seconds(f"told {told}") == pytest.approx(seconds, abs=4)


async def test_no_crawl_delay_keeps_a_host_for_ever(database: Database) -> None:
    pace = SharedPace(database)
    pause = interval_seconds(1.0, 0.0, 1e12, 0.0)
    assert await pace.take_turn("slow", pause_seconds=pause, most_seconds=60) == 0
    assert await pace.wait_seconds("slow") == pytest.approx(3600, abs=5)
