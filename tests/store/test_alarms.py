"""Alarms in the database: raised once, told as they are now, and over when what was wrong is."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from scraper.outcome import Outcome
from scraper.store import alarms, posts, runs
from scraper.store.alarms import Health, Overdue
from scraper.store.database import Database
from tests.store.begun import begin, end

pytestmark = pytest.mark.database


async def open_ones(database: Database) -> list[tuple[str, str, str]]:
    return [(row["job"], row["kind"], row["says"]) for row in await alarms.raised(database)]


async def test_an_alarm_stays_one_row_while_it_lasts_and_says_what_is_true_now(database: Database) -> None:
    await alarms.tell(database, "tidy", {"stale": "for 3 hours"})
    first = await alarms.raised(database)
    await alarms.tell(database, "tidy", {"stale": "for 4 hours"})
    assert await open_ones(database) == [("tidy", "stale", "for 4 hours")]
    [row] = await alarms.raised(database)
    assert row["raised_at"] == first[0]["raised_at"] <= first[0]["seen_at"] <= row["seen_at"]


async def test_an_alarm_is_over_when_nothing_is_said_and_a_later_one_is_another(database: Database) -> None:
    await alarms.tell(database, "tidy", {"stale": "a", "no_rows": "b"})
    await alarms.tell(database, "other", {"stale": "c"})
    await alarms.tell(database, "tidy", {"no_rows": "b"})
    assert await open_ones(database) == [("tidy", "no_rows", "b"), ("other", "stale", "c")]
    await alarms.tell(database, "tidy", {})
    await alarms.tell(database, "tidy", {"stale": "again"})
    assert await open_ones(database) == [("other", "stale", "c"), ("tidy", "stale", "again")]
    assert await database.pool.fetchval("select count(*) from alarms where cleared_at is not null") == 2


async def a_run(database: Database, status: str, *, pages: int = 0, rows: int = 0) -> None:
    run = await begin(database, "tidy")
    for n in range(pages):
        await database.fetch("record_outcome", run, "demo", f"u{n}", None, Outcome.OK.value, None, 0.1, None)
    if rows:
        await posts.follow(database, "demo", [(str(n), "u") for n in range(rows)])
        await database.pool.execute(
            "insert into snapshots (post, run) select id, $1 from posts order by id limit $2", run, rows
        )
    await end(database, run, status)


async def health(database: Database) -> Health:
    return await alarms.health(database, "tidy")


async def test_of_a_job_that_never_ran_nothing_is_known(database: Database) -> None:
    found = await health(database)
    assert found == Health(found.now, None, None, None, 0, 0)


async def test_runs_that_opened_pages_and_wrote_nothing_are_counted_since_the_last_rows(database: Database) -> None:
    await a_run(database, "success", pages=9)
    await a_run(database, "success", pages=3, rows=3)
    good = await health(database)
    assert (good.empty_runs, good.empty_pages) == (0, 0)
    await a_run(database, "success", pages=4)
    await a_run(database, "partial", pages=2)
    # There was nothing to do.
    await a_run(database, "success")
    found = await health(database)
    assert (found.empty_runs, found.empty_pages) == (2, 6)
    assert found.last_rows_at == good.last_rows_at
    assert good.last_rows_at is not None
    assert found.last_good_at is not None
    assert found.last_good_at > good.last_rows_at


async def test_what_failed_or_was_skipped_has_not_ended_well(database: Database) -> None:
    await a_run(database, "success")
    good = (await health(database)).last_good_at
    await a_run(database, "failed", pages=5)
    await runs.skip(database, "tidy", uuid4(), "no memory", worker="a")
    found = await health(database)
    assert found.last_good_at == good
    assert found.empty_runs == 0
    assert found.since is not None
    assert good is not None
    assert found.since <= good <= found.now


async def test_only_posts_that_are_followed_and_have_waited_too_long_are_overdue(database: Database) -> None:
    assert await alarms.overdue(database, seconds=3600) == Overdue(0, 0.0)
    await posts.follow(database, "demo", [(str(n), "u") for n in range(4)])
    for post, ago in ((1, timedelta(hours=3)), (2, timedelta(hours=2)), (3, timedelta(hours=9))):
        await database.pool.execute("update posts set due_at = due_at - $2::interval where id = $1", post, ago)
    await database.pool.execute("update posts set state = 'paused' where id = 3")
    found = await alarms.overdue(database, seconds=3600)
    assert found.posts == 2
    assert found.seconds >= timedelta(hours=3).total_seconds()
