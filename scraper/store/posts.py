"""Posts that are followed, and the snapshots of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import asyncpg

from memory import MemoryMonitor
from scraper.drift import Place, Yield
from scraper.outcome import Outcome
from scraper.page import PageReport
from scraper.post import METRICS, approximate_as_dict
from scraper.store.database import Database, sql
from scraper.store.errors import NothingWritten
from scraper.store.pagination import PaginatedQuery
from scraper.store.yields import NOTHING
from scraper.store.yields import add as add_yields

BEFORE_ALL = datetime(1, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class FollowedPost:
    """A row of `posts`: what has to be read."""

    row: int
    site: str
    post_id: str
    url: str


@dataclass(frozen=True, slots=True)
class PageOfPost:
    """A followed post and what opening its page turned out to be."""

    post: FollowedPost
    report: PageReport


async def follow(database: Database, site: str, posts: Sequence[tuple[str, str]]) -> int:
    """Follow posts, given as (id, permalink). Returns how many are new."""
    new = 0
    async with database.connection() as connection, connection.transaction():
        for post_id, url in posts:
            row = await connection.fetchrow(sql("add_post"), site, post_id, url)
            new += bool(row and row["is_new"])
    return new


async def pause_others(database: Database, site: str, post_ids: Sequence[str]) -> int:
    """Read no post of `site` but these until it is followed again. Returns how many that are."""
    return len(await database.fetch("pause_other_posts", site, list(post_ids)))


async def count_due(database: Database, *, until: datetime, site: str | None = None) -> int:
    """How many posts are due at `until`."""
    row = await database.fetchrow("count_due_posts", until, site)
    return int(row["due"]) if row else 0


def due(
    database: Database,
    *,
    until: datetime,
    not_since: datetime,
    site: str | None,
    rows_a_page: int,
    monitor: MemoryMonitor,
    is_critical: bool = False,
) -> PaginatedQuery:
    """The posts that are due at `until` and were not read since `not_since`, in pages; see `followed`."""
    return PaginatedQuery(
        database,
        "due_posts",
        key=("due_at", "id"),
        start=(BEFORE_ALL, 0),
        arguments=(until, not_since, site),
        rows_a_page=rows_a_page,
        monitor=monitor,
        is_critical=is_critical,
    )


def followed(row: asyncpg.Record) -> FollowedPost:
    """A row of `due_posts`."""
    return FollowedPost(row["id"], row["site"], row["post_id"], row["url"])


async def record_pages(
    database: Database, run: int, pages: Sequence[PageOfPost], yields: Mapping[Place, Yield] = NOTHING
) -> None:
    """Store what came of a batch of pages, all of it or nothing. Only an outcome of `ok` stores metrics.

    `yields` is what was read in them field by field.

    Raises `NothingWritten` if a post is not there any more.
    """
    async with database.connection() as connection, connection.transaction():
        for page in pages:
            post, report = page.post, page.report
            if report.outcome is Outcome.OK:
                await _record_snapshot(connection, run, page)
            else:
                _must_touch(
                    await connection.fetchrow(
                        sql("post_was_not_read"), post.row, report.outcome.value, report.retry_after_seconds
                    ),
                    post,
                )
            await connection.execute(
                sql("record_outcome"),
                *(run, post.site, post.url, post.row, report.outcome.value, report.reason, report.seconds),
                report.evidence.get("kept"),
            )
        await add_yields(connection, yields)


async def _record_snapshot(connection: Any, run: int, page: PageOfPost) -> None:
    read = next(post for post in page.report.posts if post.id == page.post.post_id)
    details = (read.author, read.author_name, read.text, read.title, read.link, read.time)
    _must_touch(await connection.fetchrow(sql("post_was_read"), page.post.row, *details), page.post)
    await connection.execute(
        sql("record_snapshot"),
        page.post.row,
        run,
        *(read.metric(metric) for metric in METRICS),
        approximate_as_dict(read),
        dict(read.sources),
        list(read.warnings),
        read.layout,
    )


def _must_touch(row: object, post: FollowedPost) -> None:
    if row is None:
        raise NothingWritten(f"post {post.site}/{post.post_id} is not in the database any more")


async def latest(database: Database, *, limit: int, site: str | None = None) -> list[asyncpg.Record]:
    """Posts with their last snapshot and the views and likes before it, most seen first."""
    return await database.fetch("latest_snapshots", limit, site)
