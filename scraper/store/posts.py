"""Posts that are followed, and the snapshots of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import asyncpg
import structlog

from memory import MemoryMonitor
from scraper.drift import Place, Yield
from scraper.outcome import Outcome
from scraper.page import PageReport
from scraper.plausible import doubts, growth
from scraper.post import METRICS, approximate_as_dict
from scraper.store.database import Database, sql
from scraper.store.pagination import PaginatedQuery
from scraper.store.yields import NOTHING, add_to_task

log = structlog.get_logger()

BEFORE_ALL = datetime(1, 1, 1, tzinfo=UTC)
GIVEN_UP: Final = frozenset(
    {
        Outcome.NOT_FOUND,
        Outcome.REFUSED_URL,
        Outcome.DENIED_BY_ROBOTS,
        Outcome.CRASHED,
        Outcome.DNS_FAILED,
        Outcome.HTTP_ERROR,
    }
)
"""What speaks against the post, and not against its site or the day."""
GIVE_UP_AFTER: Final = 10
"""So many times in a row, over days: each try is twice as long after the last."""


@dataclass(frozen=True, slots=True)
class FollowedPost:
    """A row of `posts`: what has to be read, and for which time that it was due."""

    row: int
    site: str
    post_id: str
    url: str
    due_at: datetime


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
    """The posts that are due at `until`, were not read since `not_since`, and no task has claimed, in pages.

    See `followed`.
    """
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
    """A row of `due_posts` or `posts_of_task`."""
    return FollowedPost(row["id"], row["site"], row["post_id"], row["url"], row["due_at"])


async def of_task(database: Database, task: int) -> list[FollowedPost]:
    """The posts that a task still has to read."""
    return [followed(row) for row in await database.fetch("posts_of_task", task)]


async def record_pages(
    database: Database,
    run: int,
    pages: Sequence[PageOfPost],
    yields: Mapping[Place, Yield] = NOTHING,
    *,
    task: int | None = None,
) -> int:
    """Store what came of a batch of pages, all of it or nothing. Returns how many were not known already.

    Only an outcome of `ok` stores metrics. A post is read once for each time that it is due: what another worker has
    stored for the same time counts, and what comes second is dropped. So the same pages may be stored twice over.
    `yields` is what was read in them field by field.
    """
    stored = 0
    async with database.connection() as connection, connection.transaction():
        rows = await connection.fetch(sql("last_snapshots"), [page.post.row for page in pages])
        before = {row["post"]: dict(row) for row in rows}
        for page in pages:
            record = _record_read if page.report.outcome is Outcome.OK else _record_unread
            if not await record(connection, run, page, before.get(page.post.row)):
                log.warning("page.known_already", url=page.post.url, due_at=page.post.due_at.isoformat())
                continue
            stored += 1
            post, report = page.post, page.report
            await connection.execute(
                sql("record_outcome"),
                *(run, post.site, post.url, post.row, report.outcome.value, report.reason, report.seconds),
                report.evidence.get("kept"),
            )
        # Of pages that were all known already it was counted then.
        if task is not None and yields and stored:
            await add_to_task(connection, task, yields)
    return stored


async def _record_unread(connection: Any, _: int, page: PageOfPost, __: Mapping[str, Any] | None) -> bool:
    outcome = page.report.outcome
    limit = GIVE_UP_AFTER if outcome in GIVEN_UP else None
    reason = f"{outcome.value} {GIVE_UP_AFTER} times in a row: {page.report.reason}"
    row = await connection.fetchrow(
        sql("post_was_not_read"),
        *(page.post.row, page.post.due_at, outcome.value, page.report.retry_after_seconds),
        *(limit, reason),
    )
    if row is not None and row["state"] == "given_up":
        log.warning("post.given_up", url=page.post.url, reason=reason)
    return row is not None


async def _record_read(connection: Any, run: int, page: PageOfPost, before: Mapping[str, Any] | None) -> bool:
    read = next(post for post in page.report.posts if post.id == page.post.post_id)
    grows = growth(read, before, datetime.now(UTC) - before["taken_at"]) if before else None
    details = (read.author, read.author_name, read.text, read.title, read.link, read.time)
    if await connection.fetchrow(sql("post_was_read"), page.post.row, page.post.due_at, *details, grows) is None:
        return False
    doubted = doubts(read, before)
    for doubt in doubted:
        log.warning("post.doubt", url=page.post.url, says=doubt)
    await connection.execute(
        sql("record_snapshot"),
        *(page.post.row, run, page.post.due_at),
        *(read.metric(metric) for metric in METRICS),
        approximate_as_dict(read),
        dict(read.sources),
        [*read.warnings, *doubted],
        read.layout,
    )
    return True


async def put_off(database: Database, task: int, waits: Sequence[tuple[int, float]]) -> int:
    """Posts of a task are due so many seconds later, since their hosts are to be left alone until then."""
    rows, seconds = [row for row, _ in waits], [wait for _, wait in waits]
    return len(await database.fetch("put_posts_off", task, rows, seconds))


async def latest(database: Database, *, limit: int, site: str | None = None) -> list[asyncpg.Record]:
    """Posts with their last snapshot and the views and likes before it, most seen first."""
    return await database.fetch("latest_snapshots", limit, site)
