"""Tidegate, as its jobs do it: a lease for each few pages, the demo site's definition, the memory gate on.

All fields of a post are read, and each page is judged; what the other entrants read of it is told.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.task import Address, Record, Task, Telling, given
from browser_pool import BrowserPoolError, Lease, PoolSettings, UnifiedBrowserPool
from jobs.metrics_scraper import ATTEMPTS, LEASE_SECONDS, PAGES_A_TASK
from scraper.definition import Definition
from scraper.feed import collect
from scraper.outcome import Outcome
from scraper.page import open_page
from scraper.post import Post, post_as_dict
from tidegate.demo_run import FOLDER
from tidegate.logs import configure_logs
from tidegate.program import definitions_for
from tidegate.settings import load_settings

FIELDS = ("id", "author", "text", "time", "replies", "reposts", "likes", "bookmarks", "views")


async def main() -> None:
    """Read all pages."""
    task, telling = given()
    configure_logs(verbose=False, is_terminal=False)
    todo, demo = iter(task.addresses), definition()
    async with UnifiedBrowserPool(settings(task)) as pool:
        await asyncio.gather(*(worker(task, telling, pool, demo, todo) for _ in range(task.workers)))


def definition() -> Definition:
    """How the demo site is read."""
    return definitions_for(load_settings(), FOLDER).by_name("demo")


def settings(task: Task) -> PoolSettings:
    """As many contexts as the others have pages, and no Playwright page."""
    return PoolSettings(max_contexts=task.workers, needs_page=False, chromium=Path(task.executable))


async def worker(
    task: Task, telling: Telling, pool: UnifiedBrowserPool, demo: Definition, todo: Iterator[Address]
) -> None:
    """A lease after the other, until there is nothing to do."""
    while left := list(itertools.islice(todo, PAGES_A_TASK)):
        attempts: Counter[int] = Counter()
        while left:
            first = left[0]
            # Refused, taken back for its memory, or what was under it died: what is left is asked for again.
            with contextlib.suppress(BrowserPoolError):
                async with pool.lease(site="demo", deadline=LEASE_SECONDS) as lease:
                    await read(task, telling, lease, demo, left)
            if not left or left[0] is not first:
                continue
            attempts[first.index] += 1
            if attempts[first.index] == ATTEMPTS:
                telling.tell(left.pop(0), None)


async def read(task: Task, telling: Telling, lease: Lease, demo: Definition, left: list[Address]) -> None:
    """Read what is `left`, and take from it what is done. Ends early where the page has died."""
    while left:
        outcome, posts = await read_one(task, lease, demo, left[0])
        if outcome is Outcome.CRASHED:
            return
        telling.tell(left.pop(0), [record(post) for post in posts] if outcome is Outcome.OK else None)


async def read_one(task: Task, lease: Lease, demo: Definition, address: Address) -> tuple[Outcome, Sequence[Post]]:
    """One post, or one feed."""
    if task.limit is not None:
        feed = await collect(lease, address.url, demo, limit=task.limit, timeout_seconds=task.page_seconds)
        return feed.outcome, feed.posts
    page = await open_page(lease, address.url, demo, timeout_seconds=task.page_seconds, expected_id=address.post_id)
    return page.outcome, [post for post in page.posts if post.id == address.post_id]


def record(post: Post) -> Record:
    """The fields that all entrants read."""
    said = post_as_dict(post)
    return {name: said[name] for name in FIELDS}


if __name__ == "__main__":
    asyncio.run(main())
