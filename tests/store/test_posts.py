"""Posts and their snapshots: only what was read is stored, all of a batch or nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from memory import MemoryMonitor
from scraper.outcome import Outcome
from scraper.page import PageReport
from scraper.post import Post
from scraper.store import posts, runs
from scraper.store.database import Database
from scraper.store.errors import NothingWritten
from scraper.store.posts import FollowedPost, PageOfPost
from scraper.values.counts import Range

SITE = "demo"


async def followed(database: Database, count: int = 1) -> list[FollowedPost]:
    await posts.follow(database, SITE, [(str(n), f"http://demo/post/{n}") for n in range(1, count + 1)])
    rows = await database.pool.fetch("select id, site, post_id, url from posts order by id")
    return [FollowedPost(row["id"], row["site"], row["post_id"], row["url"]) for row in rows]


def page(
    post: FollowedPost, outcome: Outcome = Outcome.OK, retry_after: float | None = None, **read: Any
) -> PageOfPost:
    found = (Post(post.post_id, SITE, "demo", url=post.url, **read),) if outcome is Outcome.OK else ()
    report = PageReport(
        outcome,
        f"it was {outcome}",
        post.url,
        post.url,
        expected_id=post.post_id,
        posts=found,
        retry_after_seconds=retry_after,
        seconds=0.5,
    )
    return PageOfPost(post, report)


async def due_rows(database: Database, at: datetime, *, not_since: datetime | None = None) -> list[str]:
    query = posts.due(
        database,
        until=at,
        not_since=not_since or at,
        site=None,
        rows_a_page=3,
        monitor=MemoryMonitor(),
    )
    return [row["post_id"] async for batch in query for row in batch]


async def wait_of(database: Database, post: FollowedPost) -> timedelta:
    """From the last visit to the next."""
    value: timedelta = await database.pool.fetchval("select due_at - last_read_at from posts where id = $1", post.row)
    return value


async def test_following_a_post_twice_is_one_post_and_only_new_ones_count(database: Database) -> None:
    assert await posts.follow(database, SITE, [("1", "http://demo/a"), ("2", "http://demo/b")]) == 2
    assert await posts.follow(database, SITE, [("2", "http://demo/moved"), ("3", "http://demo/c")]) == 1
    urls = await database.pool.fetch("select url from posts order by post_id")
    assert [row["url"] for row in urls] == ["http://demo/a", "http://demo/moved", "http://demo/c"]


async def test_the_same_id_on_two_sites_is_two_posts(database: Database) -> None:
    await posts.follow(database, "demo", [("1", "http://demo/1")])
    assert await posts.follow(database, "other", [("1", "http://other/1")]) == 1


async def test_what_was_read_is_stored_and_what_was_not_stays_null(database: Database) -> None:
    (post,) = await followed(database)
    run = await runs.start(database, "metrics_scraper")
    read = page(
        post,
        views=9_968_202,
        likes=0,
        approximate={"reposts": Range(32_000, 32_999, "32K")},
        warnings=("reposts are abbreviated",),
        sources={"views": "label"},
        author="reef",
    )
    await posts.record_pages(database, run, [read])
    row = await database.pool.fetchrow("select * from snapshots")
    assert row is not None
    metrics = ("views", "likes", "reposts", "replies", "bookmarks", "score")
    assert [row[name] for name in metrics] == [9_968_202, 0, None, None, None, None]
    assert row["approximate"] == {"reposts": {"low": 32_000, "high": 32_999, "text": "32K"}}
    assert (row["warnings"], row["sources"], row["layout"]) == (
        ["reposts are abbreviated"],
        {"views": "label"},
        "demo",
    )
    assert await database.pool.fetchval("select author from posts") == "reef"


@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome is not Outcome.OK])
async def test_no_other_outcome_stores_metrics(database: Database, outcome: Outcome) -> None:
    (post,) = await followed(database)
    run = await runs.start(database, "metrics_scraper")
    await posts.record_pages(database, run, [page(post, outcome)])
    assert await database.pool.fetchval("select count(*) from snapshots") == 0
    row = await database.pool.fetchrow("select outcome, reason from page_outcomes")
    assert row is not None
    assert tuple(row) == (outcome.value, f"it was {outcome}")
    assert await database.pool.fetchval("select last_outcome from posts") == outcome.value


async def test_a_later_reading_that_misses_a_detail_does_not_forget_it(database: Database) -> None:
    (post,) = await followed(database)
    for details in ({"author": "reef", "text": "tide tables"}, {"author": None, "text": "tide tables, edited"}):
        run = await runs.start(database, "metrics_scraper")
        await posts.record_pages(database, run, [page(post, views=1, **details)])
    row = await database.pool.fetchrow("select author, text from posts")
    assert row is not None
    assert tuple(row) == ("reef", "tide tables, edited")


async def test_a_batch_is_stored_as_a_whole_or_not_at_all(database: Database) -> None:
    first, gone = await followed(database, 2)
    await database.pool.execute("delete from posts where id = $1", gone.row)
    run = await runs.start(database, "metrics_scraper")
    with pytest.raises(NothingWritten):
        await posts.record_pages(database, run, [page(first, views=5), page(gone, views=6)])
    for table in ("snapshots", "page_outcomes"):
        assert await database.pool.fetchval(f"select count(*) from {table}") == 0  # noqa: S608
    assert await database.pool.fetchval("select last_read_at from posts") is None


@pytest.mark.parametrize("outcome", (Outcome.OK, Outcome.TIMEOUT))
async def test_a_post_that_is_not_there_any_more_is_said_by_name(database: Database, outcome: Outcome) -> None:
    (post,) = await followed(database)
    await database.pool.execute("delete from posts")
    run = await runs.start(database, "metrics_scraper")
    with pytest.raises(NothingWritten, match="demo/1 is not in the database"):
        await posts.record_pages(database, run, [page(post, outcome)])


async def test_a_snapshot_can_not_be_changed(database: Database) -> None:
    (post,) = await followed(database)
    run = await runs.start(database, "metrics_scraper")
    await posts.record_pages(database, run, [page(post, views=5)])
    with pytest.raises(asyncpg.RaiseError, match="append-only"):
        await database.pool.execute("update snapshots set views = 6")
    assert await database.pool.fetchval("select views from snapshots") == 5


async def test_a_metric_below_zero_is_refused_by_the_database(database: Database) -> None:
    (post,) = await followed(database)
    run = await runs.start(database, "metrics_scraper")
    with pytest.raises(asyncpg.CheckViolationError):
        await posts.record_pages(database, run, [page(post, views=-1)])
    assert await database.pool.fetchval("select count(*) from snapshots") == 0


async def test_a_run_stores_one_snapshot_a_post(database: Database) -> None:
    (post,) = await followed(database)
    run = await runs.start(database, "metrics_scraper")
    await posts.record_pages(database, run, [page(post, views=5)])
    with pytest.raises(asyncpg.UniqueViolationError):
        await posts.record_pages(database, run, [page(post, views=5)])


async def test_posts_come_in_the_order_in_which_they_were_due(database: Database) -> None:
    await followed(database, 8)
    now = datetime.now(UTC)
    await database.pool.execute(
        "update posts set due_at = $1::timestamptz - post_id::integer * interval '1 minute'", now
    )
    await database.pool.execute("update posts set due_at = $1::timestamptz + interval '1 minute' where id = 4", now)
    assert await due_rows(database, now) == ["8", "7", "6", "5", "3", "2", "1"]
    assert await posts.count_due(database, until=now) == 7
    assert await posts.count_due(database, until=now, site="other") == 0


async def test_posts_due_at_the_same_moment_are_all_seen(database: Database) -> None:
    await followed(database, 8)
    now = datetime.now(UTC)
    await database.pool.execute("update posts set due_at = $1::timestamptz - interval '1 minute'", now)
    assert await due_rows(database, now) == [str(n) for n in range(1, 9)]


async def test_a_run_never_reads_a_post_twice_even_if_it_falls_due_again(database: Database) -> None:
    rows = await followed(database, 2)
    started = datetime.now(UTC) - timedelta(seconds=1)
    run = await runs.start(database, "metrics_scraper")
    await posts.record_pages(database, run, [page(rows[0], views=1)])
    tomorrow = datetime.now(UTC) + timedelta(days=2)
    assert await due_rows(database, tomorrow, not_since=started) == ["2"]
    assert await due_rows(database, tomorrow, not_since=tomorrow) == ["2", "1"]


@pytest.mark.parametrize(
    ("age", "pause"),
    (
        (timedelta(minutes=10), timedelta(minutes=5)),
        (timedelta(hours=3), timedelta(minutes=15)),
        (timedelta(hours=12), timedelta(minutes=30)),
        (timedelta(days=2), timedelta(hours=2)),
        (timedelta(days=10), timedelta(hours=6)),
        (timedelta(days=100), timedelta(days=1)),
    ),
)
async def test_a_young_post_is_due_again_soon_and_an_old_one_late(
    database: Database, age: timedelta, pause: timedelta
) -> None:
    (post,) = await followed(database)
    run = await runs.start(database, "metrics_scraper")
    await posts.record_pages(database, run, [page(post, views=1, time=datetime.now(UTC) - age)])
    assert await wait_of(database, post) == pause


async def test_a_post_that_can_not_be_read_is_tried_later_and_later_and_at_least_once_a_day(
    database: Database,
) -> None:
    (post,) = await followed(database)
    waits = []
    for _ in range(14):
        run = await runs.start(database, "metrics_scraper")
        await posts.record_pages(database, run, [page(post, Outcome.TIMEOUT)])
        waits.append(await wait_of(database, post))
    assert waits[:3] == [timedelta(minutes=5), timedelta(minutes=10), timedelta(minutes=20)]
    assert waits == sorted(waits)
    assert waits[-1] == timedelta(days=1)


async def test_after_it_was_read_again_the_failures_are_forgotten(database: Database) -> None:
    (post,) = await followed(database)
    for outcome in (Outcome.TIMEOUT, Outcome.TIMEOUT, Outcome.OK, Outcome.TIMEOUT):
        run = await runs.start(database, "metrics_scraper")
        await posts.record_pages(database, run, [page(post, outcome)])
    assert await wait_of(database, post) == timedelta(minutes=5)


async def test_a_site_that_asks_to_be_left_alone_for_longer_is(database: Database) -> None:
    (post,) = await followed(database)
    run = await runs.start(database, "metrics_scraper")
    await posts.record_pages(database, run, [page(post, Outcome.RATE_LIMITED, retry_after=7200)])
    assert await wait_of(database, post) == timedelta(hours=2)


async def test_the_latest_snapshots_come_with_what_was_before_most_seen_first(database: Database) -> None:
    quiet, loud, never = await followed(database, 3)
    for views in (10, 30):
        run = await runs.start(database, "metrics_scraper")
        await posts.record_pages(database, run, [page(quiet, views=views), page(loud, views=views * 10)])
    run = await runs.start(database, "metrics_scraper")
    await posts.record_pages(database, run, [page(never, Outcome.NOT_FOUND)])
    rows = await posts.latest(database, limit=10)
    assert [(row["post_id"], row["views"], row["views_before"]) for row in rows] == [("2", 300, 100), ("1", 30, 10)]
    assert await posts.latest(database, limit=10, site="other") == []
