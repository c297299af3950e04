"""Go through a feed and collect what goes by.

Sites drop from the page what has scrolled away, so the posts are read at every step: one evaluate that goes on (by
scrolling, by the button for more, by the next page), waits for posts not read before, and reads those. What was
collected is kept whatever ends it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from time import monotonic
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urljoin

from browser_pool.errors import NavigationFailed, PageCrashed
from browser_pool.lane import Lane, Opened
from scraper.definition import Definition
from scraper.extraction import extract
from scraper.kinds import Feed
from scraper.outcome import Outcome, Verdict
from scraper.page import GRACE_SECONDS, PageReport, SavedPage, heard, of_failure, open_page, read_page
from scraper.post import Post
from scraper.reader import IDLE_SECONDS, Reading, task
from scraper.records import RecordBook

QUIET_STEPS: Final = 2
"""After so many steps in a row without a new post a feed has nothing new."""
OLD_POSTS: Final = 3
"""So many posts in a row that are too old end a feed; one or two may be pinned or reposted."""


_NO_SUCH_PAGE: Final = frozenset({Outcome.EMPTY, Outcome.NOT_FOUND, Outcome.SELECTOR_DRIFT})
"""What the page after the last one of a feed turns out to be, on sites whose pages have numbers and no links."""


class Stop(StrEnum):
    """What ended the collecting."""

    END_OF_FEED = "end_of_feed"
    NOTHING_NEW = "nothing_new"
    LIMIT = "limit"
    AGE = "age"
    TIME = "time"
    TROUBLE = "trouble"


@dataclass(frozen=True, slots=True)
class FeedReport:
    """What a feed turned out to be, what was collected, and what ended it.

    `outcome` is how the feed opened; where something went wrong later it is `ok`, `stopped_by` is trouble and
    `reason` says what. `count` is how many posts were collected and `promoted` how many of them were paid for;
    `posts` holds them, unless they were handed on in batches.
    """

    outcome: Outcome
    reason: str
    url: str
    stopped_by: Stop
    posts: tuple[Post, ...]
    steps: int
    seconds: float
    count: int = 0
    promoted: int = 0
    layout: str | None = None
    retry_after_seconds: float | None = None
    warnings: tuple[str, ...] = ()
    evidence: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


OnBatch = Callable[[Sequence[Post]], Awaitable[None]]


async def collect(
    lane: Lane,
    url: str,
    definition: Definition,
    *,
    limit: int,
    timeout_seconds: float,
    max_age: timedelta | None = None,
    on_batch: OnBatch | None = None,
    idle_seconds: float = IDLE_SECONDS,
    admit: Callable[[str], Awaitable[Verdict | None]] | None = None,
    why_unread: Callable[[Opened], str | None] | None = None,
    saved: SavedPage | None = None,
) -> FeedReport:
    """Open the feed at `url` and collect up to `limit` posts, each id once, in the order in which they showed.

    Ends at the end of the feed, after two steps without a new post (each waits up to `idle_seconds` on a page where
    nothing changes), at `limit`, at posts older than `max_age`, or after `timeout_seconds`. With `on_batch` that gets
    the new posts of each step as they come, and only their ids are kept here: memory stays where it is however long
    the feed. `admit` is asked before each further page, and waits for its turn; what it returns stands in the way.
    Without it there is the definition's pause between two pages.

    Raises `BrowserGone` when the browser is gone, and whatever `on_batch` raises.
    """
    started = monotonic()
    walk = _Walk(definition, limit, max_age, on_batch)
    first = await open_page(
        lane,
        url,
        definition,
        timeout_seconds=timeout_seconds,
        why_unread=why_unread,
        saved=saved,
        records=walk.records,
    )
    stop, reason = Stop.TROUBLE, first.reason
    if first.outcome is Outcome.EMPTY:
        stop = Stop.END_OF_FEED
    elif first.outcome is Outcome.OK:
        await walk.take(first.posts)
        try:
            async with asyncio.timeout(timeout_seconds - (monotonic() - started)):
                stop, reason = await _walk_on(
                    lane,
                    walk,
                    first,
                    deadline=started + timeout_seconds,
                    idle_seconds=idle_seconds,
                    admit=admit,
                    why_unread=why_unread,
                    goes_on=saved is None,
                )
        except TimeoutError:
            stop, reason = Stop.TIME, f"{timeout_seconds:g} s are over"
        except PageCrashed as error:
            reason = str(error)
        except NavigationFailed as error:
            reason = of_failure(error).reason
    return FeedReport(
        outcome=first.outcome,
        reason=reason,
        url=url,
        stopped_by=stop,
        posts=tuple(walk.posts),
        steps=walk.steps,
        seconds=monotonic() - started,
        count=len(walk.ids),
        promoted=walk.promoted,
        layout=first.layout,
        retry_after_seconds=first.retry_after_seconds,
        warnings=first.warnings,
        evidence=first.evidence,
    )


class _Walk:
    """What has been collected so far, and whether that is enough."""

    def __init__(
        self, definition: Definition, limit: int, max_age: timedelta | None, on_batch: OnBatch | None
    ) -> None:
        self.definition = definition
        self.limit = limit
        self.oldest = datetime.now(UTC) - max_age if max_age is not None else None
        self.on_batch = on_batch
        self.records = RecordBook(definition)
        self.ids: set[str] = set()
        self.posts: list[Post] = []
        self.promoted = 0
        self.steps = 0
        self.quiet = 0
        self.old_in_a_row = 0

    async def take(self, posts: Sequence[Post]) -> None:
        """Keep the new ones of `posts`, as far as limit and age allow, and hand them on."""
        self.records.forget_whole_posts()
        new: list[Post] = []
        fresh = [post for post in posts if post.id not in self.ids]
        self.quiet = 0 if fresh else self.quiet + 1
        for post in fresh:
            if len(self.ids) >= self.limit:
                break
            if self._too_old(post):
                continue
            self.ids.add(post.id)
            self.promoted += bool(post.promoted)
            new.append(post)
        if self.on_batch is None:
            self.posts += new
        elif new:
            await self.on_batch(new)

    def enough(self) -> tuple[Stop, str] | None:
        """Why to stop, or None."""
        if len(self.ids) >= self.limit:
            return Stop.LIMIT, f"{self.limit} posts"
        if self.old_in_a_row >= OLD_POSTS:
            return Stop.AGE, f"{self.old_in_a_row} posts in a row are older than {self.oldest}"
        if self.quiet >= QUIET_STEPS:
            return Stop.NOTHING_NEW, f"nothing new in {self.quiet} steps"
        return None

    def _too_old(self, post: Post) -> bool:
        latest = post.time_range.latest if post.time_range else post.time
        if self.oldest is None or latest is None or post.promoted:
            return False
        old = latest < self.oldest
        if not post.pinned and not post.social_context:
            self.old_in_a_row = self.old_in_a_row + 1 if old else 0
        return old


async def _walk_on(
    lane: Lane,
    walk: _Walk,
    first: PageReport,
    *,
    deadline: float,
    idle_seconds: float,
    admit: Callable[[str], Awaitable[Verdict | None]] | None,
    why_unread: Callable[[Opened], str | None] | None,
    goes_on: bool,
) -> tuple[Stop, str]:
    """Step after step until there is enough, or no more."""
    feed, page = walk.definition.feed_of(first.layout), first
    number = feed.first_page
    while True:
        enough = walk.enough()
        if enough:
            return enough
        number += 1
        next_url = _next_address(feed, page, number)
        if not goes_on or (next_url is None and (feed.next or feed.pages)):
            return Stop.END_OF_FEED, "there is no next page"
        walk.steps += 1
        if next_url is not None:
            denied = await (admit or _after_a_pause(walk.definition))(next_url)
            if denied is not None:
                return Stop.TROUBLE, f"{next_url}: {denied.outcome.value}: {denied.reason}"
            page = await open_page(
                lane,
                next_url,
                walk.definition,
                timeout_seconds=deadline - monotonic(),
                why_unread=why_unread,
                records=walk.records,
                is_bound=False,
            )
            if page.outcome in _NO_SUCH_PAGE and feed.pages:
                return Stop.END_OF_FEED, f"page {number} is {page.outcome.value}"
            if page.outcome is not Outcome.OK:
                return Stop.TROUBLE, f"{page.final_url}: {page.outcome}: {page.reason}"
            await walk.take(page.posts)
        else:
            reading = await _step(lane, walk, feed, deadline - monotonic() - GRACE_SECONDS, idle_seconds)
            walk.records.add((), await heard(lane, walk.definition))
            await walk.take(extract(walk.definition, reading, walk.records, read_at=datetime.now(UTC)).posts)
            ended = _ended(walk.definition, reading)
            if ended:
                return walk.enough() or ended


def _after_a_pause(definition: Definition) -> Callable[[str], Awaitable[None]]:
    async def wait(_: str) -> None:
        await asyncio.sleep(1 / definition.politeness.requests_per_second)

    return wait


def _next_address(feed: Feed, page: PageReport, number: int) -> str | None:
    """Where the feed goes on; None where nothing says so, or where it is the page that is open."""
    if feed.pages:
        return urljoin(page.final_url, feed.pages.format(page=number))
    if not feed.next or not page.next_url:
        return None
    address = urljoin(page.final_url, page.next_url)
    return None if address == page.final_url else address


def _ended(definition: Definition, reading: Reading) -> tuple[Stop, str] | None:
    """Why there is no use in another step, or None."""
    if reading.stopped == "end":
        return Stop.END_OF_FEED, "the end of the feed shows" if reading.end else "there is no button for more"
    if reading.stopped == "deadline":
        return Stop.TIME, "the time is over"
    if reading.stopped == "tell_tale" and reading.tell_tale is not None:
        shown = definition.tell_tales[reading.tell_tale]
        return (Stop.END_OF_FEED if shown.outcome is Outcome.EMPTY else Stop.TROUBLE), shown.reason
    return None


async def _step(lane: Lane, walk: _Walk, feed: Feed, left: float, idle_seconds: float) -> Reading:
    return await read_page(lane, task(walk.definition, deadline_seconds=left, idle_seconds=idle_seconds, feed=feed))
