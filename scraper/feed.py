"""Scroll through a feed and collect what goes by.

Sites drop from the page what has scrolled away, so the posts are read at every step: one evaluate that scrolls,
waits for posts not seen in the step before, and reads. What was collected is kept whatever ends it.
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
from browser_pool.lane import Lane
from scraper.definition import Definition
from scraper.extraction import extract
from scraper.outcome import Outcome
from scraper.page import GRACE_SECONDS, PageReport, of_failure, open_page, read_page
from scraper.post import Post
from scraper.reader import IDLE_SECONDS, Reading, task

QUIET_STEPS: Final = 2
"""After so many steps in a row without a new post a feed has nothing new."""
OLD_POSTS: Final = 3
"""So many posts in a row that are too old end a feed; one or two may be pinned or reposted."""


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
    `reason` says what. `promoted` counts posts that were paid for; they are in `posts` too. `first` is the report of
    the first page.
    """

    outcome: Outcome
    reason: str
    url: str
    stopped_by: Stop
    posts: tuple[Post, ...]
    steps: int
    seconds: float
    layout: str | None = None
    retry_after_seconds: float | None = None
    warnings: tuple[str, ...] = ()
    evidence: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def promoted(self) -> int:
        """How many of the posts are promoted."""
        return sum(1 for post in self.posts if post.promoted)


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
    follow: Callable[[str], bool] | None = None,
    saved_html: bytes | None = None,
) -> FeedReport:
    """Open the feed at `url` and collect up to `limit` posts, each id once, in the order in which they showed.

    Ends at the end of the feed, after two steps without a new post (each waits up to `idle_seconds` on a page where
    nothing changes), at `limit`, at posts older than `max_age`, or after `timeout_seconds`. `on_batch` gets the new
    posts of each step as they come, so that they can be kept at once.

    Raises `BrowserGone` when the browser is gone, and whatever `on_batch` raises.
    """
    started = monotonic()
    first = await open_page(
        lane, url, definition, timeout_seconds=timeout_seconds, follow=follow, saved_html=saved_html
    )
    walk = _Walk(definition, limit, max_age)
    stop, reason = Stop.TROUBLE, first.reason
    if first.outcome is Outcome.EMPTY:
        stop = Stop.END_OF_FEED
    elif first.outcome is Outcome.OK:
        await _hand_over(on_batch, walk.take(first.posts))
        try:
            async with asyncio.timeout(timeout_seconds - (monotonic() - started)):
                stop, reason = await _walk_on(
                    lane,
                    walk,
                    first,
                    on_batch=on_batch,
                    deadline=started + timeout_seconds,
                    idle_seconds=idle_seconds,
                    follow=follow,
                    scrolls=saved_html is None,
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
        posts=tuple(walk.posts.values()),
        steps=walk.steps,
        seconds=monotonic() - started,
        layout=first.layout,
        retry_after_seconds=first.retry_after_seconds,
        warnings=first.warnings,
        evidence=first.evidence,
    )


class _Walk:
    """What has been collected so far, and whether that is enough."""

    def __init__(self, definition: Definition, limit: int, max_age: timedelta | None) -> None:
        self.definition = definition
        self.limit = limit
        self.oldest = datetime.now(UTC) - max_age if max_age is not None else None
        self.posts: dict[str, Post] = {}
        self.steps = 0
        self.quiet = 0
        self.old_in_a_row = 0

    def take(self, posts: Sequence[Post]) -> list[Post]:
        """Keep the new ones of `posts`, as far as limit and age allow, and return those."""
        new: list[Post] = []
        fresh = [post for post in posts if post.id not in self.posts]
        self.quiet = 0 if fresh else self.quiet + 1
        for post in fresh:
            if len(self.posts) >= self.limit:
                break
            if self._too_old(post):
                continue
            self.posts[post.id] = post
            new.append(post)
        return new

    def enough(self) -> tuple[Stop, str] | None:
        """Why to stop, or None."""
        if len(self.posts) >= self.limit:
            return Stop.LIMIT, f"{self.limit} posts"
        if self.old_in_a_row >= OLD_POSTS:
            return Stop.AGE, f"{self.old_in_a_row} posts in a row are older than {self.oldest}"
        if self.quiet >= QUIET_STEPS:
            return Stop.NOTHING_NEW, f"nothing new in {self.quiet} steps"
        return None

    def _too_old(self, post: Post) -> bool:
        if self.oldest is None or post.time is None or post.promoted:
            return False
        old = post.time < self.oldest
        if not post.pinned and not post.social_context:
            self.old_in_a_row = self.old_in_a_row + 1 if old else 0
        return old


async def _walk_on(
    lane: Lane,
    walk: _Walk,
    first: PageReport,
    *,
    on_batch: OnBatch | None,
    deadline: float,
    idle_seconds: float,
    follow: Callable[[str], bool] | None,
    scrolls: bool,
) -> tuple[Stop, str]:
    """Step after step until there is enough, or no more."""
    definition, next_url, base_url = walk.definition, first.next_url, first.final_url
    seen: tuple[str, ...] = ()
    while True:
        enough = walk.enough()
        if enough:
            return enough
        if not scrolls or (definition.feed.next and not next_url):
            return Stop.END_OF_FEED, "there is no next page"
        walk.steps += 1
        if definition.feed.next and next_url:
            await asyncio.sleep(1 / definition.politeness.requests_per_second)
            page = await open_page(
                lane, urljoin(base_url, next_url), definition, timeout_seconds=deadline - monotonic(), follow=follow
            )
            if page.outcome is not Outcome.OK:
                return Stop.TROUBLE, f"{page.final_url}: {page.outcome}: {page.reason}"
            posts, next_url, base_url = page.posts, page.next_url, page.final_url
        else:
            reading = await _step(lane, walk, seen, deadline, idle_seconds)
            seen = keys_of(definition, reading)
            posts = extract(definition, reading).posts
            ended = _ended(definition, reading)
            if ended:
                await _hand_over(on_batch, walk.take(posts))
                return walk.enough() or ended
        await _hand_over(on_batch, walk.take(posts))


def _ended(definition: Definition, reading: Reading) -> tuple[Stop, str] | None:
    """Why there is no use in another step, or None."""
    if reading.stopped == "end":
        return Stop.END_OF_FEED, "the end of the feed shows"
    if reading.stopped == "deadline":
        return Stop.TIME, "the time is over"
    if reading.stopped == "tell_tale" and reading.tell_tale is not None:
        shown = definition.tell_tales[reading.tell_tale]
        return (Stop.END_OF_FEED if shown.outcome is Outcome.EMPTY else Stop.TROUBLE), shown.reason
    return None


async def _step(lane: Lane, walk: _Walk, seen: Sequence[str], deadline: float, idle_seconds: float) -> Reading:
    left = deadline - monotonic() - GRACE_SECONDS
    return await read_page(
        lane,
        task(walk.definition, deadline_seconds=left, idle_seconds=idle_seconds, scroll=True, seen=seen),
    )


def keys_of(definition: Definition, reading: Reading) -> tuple[str, ...]:
    """The strings by which the reader knows the posts of `reading` again: the first that the id's sources gave."""
    id_places = [
        [place for place, (name, _) in enumerate(kind.places) if name == "id"] for _, kind in definition.kinds
    ]
    said = ([item.values[place] for place in id_places[item.kind]] for item in reading.items)
    keys = (next((value for value in values if value is not None), None) for values in said)
    return tuple(key for key in keys if key is not None)


async def _hand_over(on_batch: OnBatch | None, posts: Sequence[Post]) -> None:
    if on_batch is not None and posts:
        await on_batch(posts)
