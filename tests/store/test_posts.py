"""Posts and their snapshots: only what was read is stored, all of a batch or nothing."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from memory import MemoryMonitor
from scraper.outcome import Outcome
from scraper.page import PageReport
from scraper.post import Post
from scraper.store import posts, tasks
from scraper.store.database import Database
from scraper.store.posts import FollowedPost, PageOfPost
from scraper.store.tasks import Claims, NewTask
from scraper.values.counts import Range
from tests.store.begun import begin

pytestmark = pytest.mark.database

SITE = "demo"


async def followed(database: Database, count: int = 1) -> list[FollowedPost]:
    await posts.follow(database, SITE, [(str(n), f"http://demo/post/{n}") for n in range(1, count + 1)])
    rows = await database.pool.fetch("select id, site, post_id, url, due_at from posts order by id")
    return [posts.followed(row) for row in rows]


async def due_again(database: Database, post: FollowedPost) -> FollowedPost:
    """The same post, for the time that it is due now."""
    due_at = await database.pool.fetchval("select due_at from posts where id = $1", post.row)
    return replace(post, due_at=due_at)


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


async def record(
    database: Database,
    post: FollowedPost,
    outcome: Outcome = Outcome.OK,
    retry_after: float | None = None,
    **read: Any,
) -> str:
    """Store what came of `post`, now that it is due, in a run of its own. Returns the state it is in then."""
    run = await begin(database)
    assert await posts.record_pages(
        database, run, [page(await due_again(database, post), outcome, retry_after, **read)]
    )
    state: str = await database.pool.fetchval("select state from posts where id = $1", post.row)
    return state


async def due_rows(database: Database, at: datetime, *, not_since: datetime | None = None) -> list[str]:
    query = posts.due(
        database, until=at, not_since=not_since or at, site=None, rows_a_page=3, monitor=MemoryMonitor()
    )
    return [row["post_id"] async for batch in query for row in batch]


async def wait_of(database: Database, post: FollowedPost) -> timedelta:
    """From the last visit to the next, in whole seconds."""
    seconds = await database.pool.fetchval(
        "select round(extract(epoch from due_at - last_read_at))::integer from posts where id = $1", post.row
    )
    return timedelta(seconds=seconds)


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
    run = await begin(database)
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
    run = await begin(database)
    await posts.record_pages(database, run, [page(post, outcome)])
    assert await database.pool.fetchval("select count(*) from snapshots") == 0
    row = await database.pool.fetchrow("select outcome, reason from page_outcomes")
    assert row is not None
    assert tuple(row) == (outcome.value, f"it was {outcome}")
    assert await database.pool.fetchval("select last_outcome from posts") == outcome.value


async def test_a_snapshot_can_not_be_changed(database: Database) -> None:
    (post,) = await followed(database)
    run = await begin(database)
    await posts.record_pages(database, run, [page(post, views=5)])
    with pytest.raises(asyncpg.RaiseError, match="append-only"):
        await database.pool.execute("update snapshots set views = 6")
    assert await database.pool.fetchval("select views from snapshots") == 5


async def test_a_metric_below_zero_is_refused_by_the_database(database: Database) -> None:
    (post,) = await followed(database)
    run = await begin(database)
    with pytest.raises(asyncpg.CheckViolationError):
        await posts.record_pages(database, run, [page(post, views=-1)])
    assert await database.pool.fetchval("select count(*) from snapshots") == 0


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


async def test_a_batch_is_stored_as_a_whole_or_not_at_all(database: Database) -> None:
    first, second = await followed(database, 2)
    run = await begin(database)
    with pytest.raises(asyncpg.CheckViolationError):
        await posts.record_pages(database, run, [page(first, views=5), page(second, views=-6)])
    for table in ("snapshots", "page_outcomes"):
        assert await database.pool.fetchval(f"select count(*) from {table}") == 0  # noqa: S608
    assert await database.pool.fetchval("select max(last_read_at) from posts") is None


@pytest.mark.parametrize("outcome", (Outcome.OK, Outcome.TIMEOUT))
async def test_a_post_that_is_not_there_any_more_keeps_nothing_from_the_others(
    database: Database, outcome: Outcome
) -> None:
    gone, there = await followed(database, 2)
    await database.pool.execute("delete from posts where id = $1", gone.row)
    run = await begin(database)
    assert await posts.record_pages(database, run, [page(gone, outcome), page(there, views=1)]) == 1
    assert await database.pool.fetchval("select array_agg(post) from page_outcomes") == [there.row]


@pytest.mark.parametrize("second", (Outcome.OK, Outcome.TIMEOUT))
async def test_what_is_stored_a_second_time_for_the_same_due_time_is_dropped(
    database: Database, second: Outcome
) -> None:
    (post,) = await followed(database)
    run = await begin(database)
    assert await posts.record_pages(database, run, [page(post, views=5)]) == 1
    due_at = (await due_again(database, post)).due_at
    assert await posts.record_pages(database, run, [page(post, second)]) == 0
    assert await posts.record_pages(database, await begin(database), [page(post, second)]) == 0
    assert await database.pool.fetchval("select array_agg(views) from snapshots") == [5]
    assert await database.pool.fetchval("select count(*) from page_outcomes") == 1
    assert (await due_again(database, post)).due_at == due_at


async def test_of_many_who_store_the_same_page_at_once_one_does(database: Database) -> None:
    rows = await followed(database, 5)
    run = await begin(database)
    stored = await asyncio.gather(
        *(posts.record_pages(database, run, [page(post, views=n) for post in rows]) for n in range(4))
    )
    assert sum(stored) == 5
    assert await database.pool.fetchval("select array_agg(post order by post) from snapshots") == [
        post.row for post in rows
    ]
    assert await database.pool.fetchval("select count(*) from page_outcomes") == 5


async def test_a_snapshot_says_for_which_time_it_was_due(database: Database) -> None:
    (post,) = await followed(database)
    first, times = post.due_at, []
    for views in (1, 2):
        times.append((await due_again(database, post)).due_at)
        await record(database, post, views=views)
    rows = await database.pool.fetch("select due_at from snapshots order by id")
    assert [row["due_at"] for row in rows] == times
    assert times[0] == first < times[1]


async def test_a_run_never_reads_a_post_twice_even_if_it_falls_due_again(database: Database) -> None:
    rows = await followed(database, 2)
    began = await database.pool.fetchval("select clock_timestamp()")
    run = await begin(database)
    await posts.record_pages(database, run, [page(rows[0], views=1)])
    in_two_days = datetime.now(UTC) + timedelta(days=2)
    assert await due_rows(database, in_two_days, not_since=began) == ["2"]
    assert await due_rows(database, in_two_days, not_since=in_two_days) == ["2", "1"]


async def test_a_run_stores_one_snapshot_a_post(database: Database) -> None:
    (post,) = await followed(database)
    run = await begin(database)
    await posts.record_pages(database, run, [page(post, views=5)])
    with pytest.raises(asyncpg.UniqueViolationError):
        await posts.record_pages(database, run, [page(await due_again(database, post), views=5)])


async def test_a_post_that_is_stored_is_nobodys_task_any_more(database: Database) -> None:
    rows = await followed(database, 2)
    run = await begin(database)
    async with database.connection() as connection:
        (task,) = await tasks.add(
            connection, run, "metrics_scraper", [NewTask({}, Claims.POSTS, [post.row for post in rows])]
        )
    assert await posts.of_task(database, task) == rows
    assert await posts.count_due(database, until=datetime.now(UTC) + timedelta(hours=1)) == 0
    await posts.record_pages(database, run, [page(rows[0], views=1)], task=task)
    assert await posts.of_task(database, task) == rows[1:]
    await posts.record_pages(database, run, [page(rows[1], Outcome.TIMEOUT)], task=task)
    assert await posts.of_task(database, task) == []


async def test_a_later_reading_that_misses_a_detail_does_not_forget_it(database: Database) -> None:
    (post,) = await followed(database)
    for details in ({"author": "reef", "text": "tide tables"}, {"author": None, "text": "tide tables, edited"}):
        await record(database, post, views=1, **details)
    row = await database.pool.fetchrow("select author, text from posts")
    assert row is not None
    assert tuple(row) == ("reef", "tide tables, edited")


async def test_a_post_that_can_not_be_read_is_tried_later_and_later_and_at_least_once_a_day(
    database: Database,
) -> None:
    (post,) = await followed(database)
    waits = []
    for _ in range(14):
        assert await record(database, post, Outcome.TIMEOUT) == "followed"
        waits.append(await wait_of(database, post))
    assert waits[:3] == [timedelta(minutes=5), timedelta(minutes=10), timedelta(minutes=20)]
    assert waits == sorted(waits)
    assert waits[-1] == timedelta(days=1)


async def test_after_it_was_read_again_the_failures_are_forgotten(database: Database) -> None:
    (post,) = await followed(database)
    for outcome in (Outcome.TIMEOUT, Outcome.TIMEOUT, Outcome.OK, Outcome.TIMEOUT):
        await record(database, post, outcome)
    assert await wait_of(database, post) == timedelta(minutes=5)


async def test_a_site_that_asks_to_be_left_alone_for_longer_is(database: Database) -> None:
    (post,) = await followed(database)
    await record(database, post, Outcome.RATE_LIMITED, retry_after=7200)
    assert await wait_of(database, post) == timedelta(hours=2)


@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome is not Outcome.OK])
async def test_only_what_speaks_against_the_post_makes_it_be_given_up(database: Database, outcome: Outcome) -> None:
    (post,) = await followed(database)
    states = [await record(database, post, outcome) for _ in range(posts.GIVE_UP_AFTER + 2)]
    before = ["followed"] * (posts.GIVE_UP_AFTER - 1)
    against = {
        Outcome.NOT_FOUND, Outcome.REFUSED_URL, Outcome.DENIED_BY_ROBOTS, Outcome.CRASHED, Outcome.DNS_FAILED,
        Outcome.HTTP_ERROR,
    }  # fmt: skip
    assert states == [*before, *(["given_up" if outcome in against else "followed"] * 3)]
    reason = await database.pool.fetchval("select state_reason from posts")
    assert reason == (f"{outcome} 10 times in a row: it was {outcome}" if outcome in against else None)


async def test_one_not_found_after_many_time_outs_is_no_reason_to_give_up(database: Database) -> None:
    (post,) = await followed(database)
    for _ in range(posts.GIVE_UP_AFTER - 1):
        await record(database, post, Outcome.TIMEOUT)
    assert await record(database, post, Outcome.NOT_FOUND) == "followed"


async def test_a_post_that_was_given_up_is_never_due_until_it_is_followed_again(database: Database) -> None:
    (post,) = await followed(database)
    for _ in range(posts.GIVE_UP_AFTER):
        await record(database, post, Outcome.NOT_FOUND)
    later = datetime.now(UTC) + timedelta(days=30)
    assert await due_rows(database, later) == []
    assert await posts.follow(database, SITE, [(post.post_id, post.url)]) == 0
    assert await due_rows(database, datetime.now(UTC) + timedelta(minutes=1)) == ["1"]
    row = await database.pool.fetchrow("select state, state_reason, failures from posts")
    assert row is not None
    assert tuple(row) == ("followed", None, 0)


async def test_following_what_is_followed_keeps_its_turn(database: Database) -> None:
    (post,) = await followed(database)
    await record(database, post, Outcome.TIMEOUT)
    before = await due_again(database, post)
    await posts.follow(database, SITE, [(post.post_id, post.url)])
    assert await due_again(database, post) == before


async def test_others_are_paused_and_what_was_given_up_stays_so(database: Database) -> None:
    await followed(database, 3)
    await database.pool.execute("update posts set state = 'given_up' where post_id = '3'")
    await posts.follow(database, "other", [("9", "http://other/9")])
    assert await posts.pause_others(database, SITE, ["1"]) == 1
    rows = await database.pool.fetch("select post_id, state from posts order by id")
    assert [tuple(row) for row in rows] == [("1", "followed"), ("2", "paused"), ("3", "given_up"), ("9", "followed")]


@pytest.mark.parametrize(
    ("before", "after", "doubt"),
    (
        ({"views": 100, "likes": 60}, {"views": 110, "likes": 30}, "likes fell from 60 to 30"),
        ({}, {"views": 10, "likes": 11}, "11 likes over 10 views"),
    ),
)
async def test_a_doubt_is_told_beside_the_numbers_which_stay_as_they_were_shown(
    database: Database, before: dict[str, Any], after: dict[str, Any], doubt: str
) -> None:
    (post,) = await followed(database)
    for counts in (before, after):
        await record(database, post, **counts, warnings=("said by the page",))
    row = await database.pool.fetchrow("select views, likes, warnings from snapshots order by id desc limit 1")
    assert row is not None
    assert tuple(row) == (after["views"], after["likes"], ["said by the page", doubt])


async def test_posts_whose_hosts_are_to_be_left_alone_are_due_later_and_have_not_failed(database: Database) -> None:
    one, two = await followed(database, 2)
    run = await begin(database)
    async with database.connection() as connection:
        (task,) = await tasks.add(connection, run, "metrics_scraper", [NewTask({}, Claims.POSTS, [one.row, two.row])])
    assert await posts.put_off(database, task, [(one.row, 600.0), (two.row + 1, 600.0)]) == 1
    row = await database.pool.fetchrow(
        "select failures, task, last_outcome, state, due_at > clock_timestamp() from posts where id = $1", one.row
    )
    assert row is not None
    assert tuple(row) == (0, None, "rate_limited", "followed", True)
    assert await posts.of_task(database, task) == [two]


async def test_a_post_that_was_put_off_is_put_off_only_by_the_task_that_has_it(database: Database) -> None:
    (one,) = await followed(database)
    assert await posts.put_off(database, 999, [(one.row, 600.0)]) == 0
    assert await due_again(database, one) == one


async def test_the_latest_snapshots_come_with_what_was_before_most_seen_first(database: Database) -> None:
    quiet, loud, never = await followed(database, 3)
    for views in (10, 30):
        await record(database, quiet, views=views)
        await record(database, loud, views=views * 10)
    await record(database, never, Outcome.NOT_FOUND)
    rows = await posts.latest(database, limit=10)
    assert [(row["post_id"], row["views"], row["views_before"]) for row in rows] == [("2", 300, 100), ("1", 30, 10)]
    assert await posts.latest(database, limit=10, site="other") == []
