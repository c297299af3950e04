"""When a post is read again: by its age, and sooner if it grows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from scraper.outcome import Outcome
from scraper.page import PageReport
from scraper.post import Post
from scraper.store import posts
from scraper.store.database import Database
from scraper.store.posts import PageOfPost
from tests.store.begun import begin

pytestmark = pytest.mark.database

STEPS = tuple(timedelta(minutes=minutes) for minutes in (5, 15, 30, 2 * 60, 6 * 60, 24 * 60))
AGES = (
    timedelta(minutes=10),
    timedelta(hours=3),
    timedelta(hours=12),
    timedelta(days=2),
    timedelta(days=10),
    timedelta(days=100),
)


@pytest.mark.parametrize("step", range(len(STEPS)))
@pytest.mark.parametrize(
    ("growth", "sooner"), ((None, 0), (-0.5, 0), (0.0, 0), (0.09, 0), (0.1, 1), (0.49, 1), (0.5, 2), (40.0, 2))
)
async def test_a_post_is_read_seldom_as_it_ages_and_sooner_if_it_grows(
    database: Database, step: int, growth: float | None, sooner: int
) -> None:
    interval = await database.pool.fetchval("select reading_interval($1, $2)", AGES[step], growth)
    assert interval == STEPS[max(0, step - sooner)]


@pytest.mark.parametrize(
    ("age", "step"),
    (
        (timedelta(0), 0),
        (timedelta(hours=1), 1),
        (timedelta(hours=6), 2),
        (timedelta(days=1), 3),
        (timedelta(days=3), 4),
        (timedelta(days=14), 5),
        # A site whose clock is ahead of ours.
        (timedelta(hours=-1), 0),
    ),
)
async def test_each_step_begins_where_the_one_before_ends(database: Database, age: timedelta, step: int) -> None:
    assert await database.pool.fetchval("select reading_interval($1, null)", age) == STEPS[step]


@pytest.mark.parametrize(
    ("views", "hours_apart", "growth", "interval"),
    (
        ((1000, 1000), 1, 0.0, STEPS[4]),
        ((1000, 1200), 1, 0.2, STEPS[3]),
        ((1000, 1600), 1, 0.6, STEPS[2]),
        # The same over ten hours is slow.
        ((1000, 1600), 10, 0.06, STEPS[4]),
        ((None, 1600), 1, None, STEPS[4]),
    ),
)
async def test_growth_since_the_last_snapshot_brings_the_next_reading_forward(
    database: Database,
    views: tuple[int | None, int],
    hours_apart: int,
    growth: float | None,
    interval: timedelta,
) -> None:
    await posts.follow(database, "demo", [("1", "http://demo/1")])
    for ago, seen in zip((hours_apart, 0), views, strict=True):
        row = await database.pool.fetchrow("select id, site, post_id, url, due_at from posts")
        assert row is not None
        read = Post("1", "demo", "demo", url=row["url"], time=datetime.now(UTC) - timedelta(days=5), views=seen)
        report = PageReport(Outcome.OK, "", row["url"], row["url"], expected_id="1", posts=(read,))
        await posts.record_pages(database, await begin(database), [PageOfPost(posts.followed(row), report)])
        if ago:
            await _age_snapshots(database, timedelta(hours=ago))
    after = await database.pool.fetchrow(
        "select growth, round(extract(epoch from due_at - last_read_at))::integer as seconds from posts"
    )
    assert after is not None
    assert after["growth"] == (None if growth is None else pytest.approx(growth, rel=0.01))
    assert timedelta(seconds=after["seconds"]) == interval


async def _age_snapshots(database: Database, by: timedelta) -> None:
    async with database.connection() as connection, connection.transaction():
        # They are append-only, and no test waits for hours.
        await connection.execute("set local session_replication_role = replica")
        await connection.execute("update snapshots set taken_at = taken_at - $1::interval", by)
