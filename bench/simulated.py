"""Pages that were never opened: posts that are due, and what reading one of them would have brought."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from scraper.outcome import Outcome
from scraper.page import PageReport
from scraper.post import Post
from scraper.store.database import Database
from scraper.store.posts import FollowedPost, PageOfPost
from scraper.values.counts import Range

SITE = "bench"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
"""When posts are due. They are 30 days old then, so that one that was read is not due again for a day."""
FILL_SECONDS = 150.0


async def fill(
    database: Database, rows: int, *, until: datetime = NOW, apart: timedelta = timedelta(seconds=1)
) -> None:
    """Follow so many posts, the last of them due at `until`."""
    await database.pool.execute(
        "insert into posts (site, post_id, url, due_at, posted_at)"
        " select $1, n::text, 'https://example.org/post/' || n, $2::timestamptz - ($3 - n) * $4::interval,"
        " $2::timestamptz - interval '30 days' from generate_series(1, $3::integer) n",
        *(SITE, until, rows, apart),
        timeout=FILL_SECONDS,
    )
    # What autovacuum would have done by the time that anybody pages through it.
    await database.pool.execute("vacuum analyze posts", timeout=FILL_SECONDS)


def page_of(post: FollowedPost) -> PageOfPost:
    """A post with all metrics, one of them abbreviated, as real sites have them."""
    read = Post(
        *(post.post_id, post.site, "post"),
        url=post.url,
        author="reef",
        text="Low water at six; the gate is open until the flood sets in. " * 3,
        time=NOW - timedelta(days=30),
        views=None,
        likes=post.row % 10_000,
        reposts=post.row % 300,
        replies=post.row % 100,
        bookmarks=post.row % 50,
        approximate={"views": Range(32_000, 32_999, "32K")},
        sources={"views": "label", "likes": "label", "reposts": "label", "replies": "label", "bookmarks": "label"},
        warnings=("views are abbreviated",),
    )
    report = PageReport(
        *(Outcome.OK, "read", post.url, post.url),
        status=200,
        expected_id=read.id,
        posts=(read,),
        layout="post",
        seconds=0.1,
    )
    return PageOfPost(post, report)
