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

from pydantic import ValidationError

from browser_pool.errors import NavigationFailed, PageCrashed, ScriptFailed
from browser_pool.lane import Lane, Opened
from scraper.definition import Definition
from scraper.kinds import Feed
from scraper.links import joined, with_parameters
from scraper.outcome import Outcome, Verdict
from scraper.page import (
    GRACE_SECONDS,
    HEAR_SECONDS,
    PageReport,
    SavedPage,
    extracted_by_ear,
    of_script_failure,
    open_page,
    read_page,
    warnings_of_hearing,
)
from scraper.post import Post
from scraper.reader import IDLE_SECONDS, Reading, task
from scraper.records import RecordBook
from scraper.unreachable import of_failure

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

    `outcome` is how the feed opened. Where something went wrong later it is `ok`, `stopped_by` is trouble, `reason`
    says what and `trouble` is the outcome of that; `retry_after_seconds` is then what that page asked for. `count`
    is how many posts were collected and `promoted` how many of them were paid for; `posts` holds them, unless they
    were handed on in batches. `is_put_off`: the host is to be left alone for now, and was not asked at all.
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
    trouble: Outcome | None = None
    retry_after_seconds: float | None = None
    warnings: tuple[str, ...] = ()
    evidence: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    is_put_off: bool = False


OnBatch = Callable[[Sequence[Post]], Awaitable[None]]
Rest = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class _End:
    """What ended a walk, why, and where that was a trouble, which."""

    stop: Stop
    reason: str
    trouble: Outcome | None = None
    retry_after_seconds: float | None = None

    @classmethod
    def of(cls, verdict: Verdict, where: str = "") -> _End:
        """The end that a trouble puts to a walk."""
        reason = f"{where}: {verdict.outcome.value}: {verdict.reason}" if where else verdict.reason
        return cls(Stop.TROUBLE, reason, verdict.outcome, verdict.retry_after_seconds)


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
    rest: Rest | None = None,
    why_unread: Callable[[Opened], str | None] | None = None,
    saved: SavedPage | None = None,
) -> FeedReport:
    """Open the feed at `url` and collect up to `limit` posts, each id once, in the order in which they showed.

    Ends at the end of the feed, after two steps without a new post (each waits up to `idle_seconds` on a page where
    nothing changes), at `limit`, at posts older than `max_age`, or after `timeout_seconds`. With `on_batch` that gets
    the new posts of each step as they come, and only their ids are kept here: memory stays where it is however long
    the feed. `admit` is asked before each further page, and waits for its turn; what it returns stands in the way.
    `rest` is awaited before a step on the same page (scrolling, the button), if the page has fetched something in the
    one before or while it opened. Without them there is the definition's pause in their places.

    Raises `BrowserGone` when the browser is gone, and whatever `on_batch` raises.
    """
    started = monotonic()
    walk = _Walk(definition, limit, max_age, on_batch)
    pause = _pause(definition)
    first = await open_page(
        lane,
        url,
        definition,
        timeout_seconds=timeout_seconds,
        why_unread=why_unread,
        saved=saved,
        records=walk.records,
    )
    end = _End(Stop.TROUBLE, first.reason)
    if first.outcome is Outcome.EMPTY:
        end = _End(Stop.END_OF_FEED, first.reason)
    elif first.outcome is Outcome.OK:
        await walk.take(first.posts)
        try:
            async with asyncio.timeout(timeout_seconds - (monotonic() - started)):
                end = await _walk_on(
                    lane,
                    walk,
                    first,
                    deadline=started + timeout_seconds,
                    idle_seconds=idle_seconds,
                    admit=admit or (lambda _: pause()),
                    rest=rest or pause,
                    why_unread=why_unread,
                    goes_on=saved is None,
                )
        except TimeoutError:
            end = _End(Stop.TIME, f"{timeout_seconds:g} s are over")
        except PageCrashed as error:
            end = _End.of(Verdict(Outcome.CRASHED, str(error)))
        except NavigationFailed as error:
            end = _End.of(of_failure(error))
        except (ScriptFailed, ValidationError) as error:
            end = _End.of(of_script_failure(error))
    if saved is None:
        walk.leave(lane)
    return FeedReport(
        outcome=first.outcome,
        reason=end.reason,
        url=url,
        stopped_by=end.stop,
        posts=tuple(walk.posts),
        steps=walk.steps,
        seconds=monotonic() - started,
        count=len(walk.ids),
        promoted=walk.promoted,
        layout=first.layout,
        trouble=end.trouble,
        retry_after_seconds=first.retry_after_seconds if end.retry_after_seconds is None else end.retry_after_seconds,
        warnings=(*first.warnings, *walk.records.problems, *warnings_of_hearing(walk.missed)),
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
        self.missed = 0
        self.steps = 0
        self.quiet = 0
        self.old_in_a_row = 0

    async def take(self, posts: Sequence[Post]) -> None:
        """Keep the new ones of `posts`, as far as limit and age allow, and hand them on."""
        self.records.forget(posts)
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

    def leave(self, lane: Lane) -> None:
        """The page is left: what it could not be heard to say is counted."""
        if self.definition.hears:
            self.missed += lane.missed

    def enough(self) -> _End | None:
        """Why to stop, or None."""
        if len(self.ids) >= self.limit:
            return _End(Stop.LIMIT, f"{self.limit} posts")
        if self.old_in_a_row >= OLD_POSTS:
            return _End(Stop.AGE, f"{self.old_in_a_row} posts in a row are older than {self.oldest}")
        if self.quiet >= QUIET_STEPS:
            return _End(Stop.NOTHING_NEW, f"nothing new in {self.quiet} steps")
        return None

    def _too_old(self, post: Post) -> bool:
        latest = post.time_range.latest if post.time_range else post.time
        if self.oldest is None or latest is None or post.promoted:
            return False
        old = latest < self.oldest
        if not post.pinned and not post.reposted and not post.social_context:
            self.old_in_a_row = self.old_in_a_row + 1 if old else 0
        return old


async def _walk_on(
    lane: Lane,
    walk: _Walk,
    first: PageReport,
    *,
    deadline: float,
    idle_seconds: float,
    admit: Callable[[str], Awaitable[Verdict | None]],
    rest: Rest,
    why_unread: Callable[[Opened], str | None] | None,
    goes_on: bool,
) -> _End:
    """Step after step until there is enough, or no more."""
    feed, page = walk.definition.feed_of(first.layout), first
    number, requests, fetched = feed.first_page, _requests(first), _requests(first) > 0
    while True:
        enough = walk.enough()
        if enough:
            return enough
        number += 1
        next_url = _next_address(feed, page, number)
        if not goes_on or (next_url is None and (feed.next or feed.pages)):
            return _End(Stop.END_OF_FEED, "there is no next page")
        walk.steps += 1
        if next_url is not None:
            denied = await admit(next_url)
            if denied is not None:
                return _End.of(denied, next_url)
            walk.leave(lane)
            before, page = (
                page,
                await open_page(
                    lane,
                    next_url,
                    walk.definition,
                    timeout_seconds=deadline - monotonic(),
                    why_unread=why_unread,
                    records=walk.records,
                    is_bound=False,
                ),
            )
            if page.outcome is not Outcome.OK:
                return _end_at(page, before, number if feed.pages else None, deadline)
            await walk.take(page.posts)
        else:
            if fetched:
                await rest()
            reading = await _step(lane, walk, feed, deadline - monotonic() - GRACE_SECONDS, idle_seconds)
            until = min(deadline - GRACE_SECONDS, monotonic() + HEAR_SECONDS)
            extraction, heard = await extracted_by_ear(lane, walk.definition, reading, walk.records, until=until)
            # The page counts a request once it is answered, which may be after it was read.
            fetched, requests = bool(heard) or reading.requests > requests, reading.requests
            await walk.take(extraction.posts)
            ended = _ended(walk.definition, reading)
            if ended:
                return walk.enough() or ended


def _pause(definition: Definition) -> Callable[[], Awaitable[None]]:
    return lambda: asyncio.sleep(1 / definition.politeness.requests_per_second)


def _requests(page: PageReport) -> int:
    return int(page.evidence.get("requests", 0))


def _end_at(page: PageReport, before: PageReport, number: int | None, deadline: float) -> _End:
    """What a page that is not `ok` says of the feed. With a `number` it may be the page after the last one."""
    if page.evidence.get("stopped") == "deadline" or (page.outcome is Outcome.TIMEOUT and monotonic() >= deadline):
        return _End(Stop.TIME, f"{page.final_url}: not read before the time was over")
    if number is not None and _is_no_page(page, before):
        return _End(Stop.END_OF_FEED, f"page {number} is {page.outcome.value}")
    return _End.of(Verdict(page.outcome, page.reason, page.retry_after_seconds), page.final_url)


def _is_no_page(page: PageReport, before: PageReport) -> bool:
    """Whether a site says in its way that it has no such page.

    One whose pages have just posts, and none here, says it without a word. Where there is something that can't be
    read, or the posts are no elements, that is a change of the site.
    """
    if page.outcome is Outcome.SELECTOR_DRIFT:
        here, there = (sum(one.evidence.get("elements", {}).values()) for one in (page, before))
        return "elements" in page.evidence and here == 0 < there
    return page.outcome in {Outcome.EMPTY, Outcome.NOT_FOUND}


def _next_address(feed: Feed, page: PageReport, number: int) -> str | None:
    """Where the feed goes on; None where nothing says so, or where it is the page that is open."""
    if feed.pages:
        place = feed.pages.format(page=number)
        return with_parameters(page.final_url, place) if place.startswith("?") else joined(page.final_url, place)
    return page.next_url if feed.next and page.next_url != page.final_url else None


def _ended(definition: Definition, reading: Reading) -> _End | None:
    """Why there is no use in another step, or None."""
    if reading.stopped == "end":
        return _End(Stop.END_OF_FEED, "the end of the feed shows" if reading.end else "there is no button for more")
    if reading.stopped == "deadline":
        return _End(Stop.TIME, "the time is over")
    if reading.stopped == "tell_tale" and reading.tell_tale is not None:
        shown = definition.tell_tales[reading.tell_tale]
        if shown.outcome is Outcome.EMPTY:
            return _End(Stop.END_OF_FEED, shown.reason)
        return _End.of(Verdict(shown.outcome, shown.reason))
    return None


async def _step(lane: Lane, walk: _Walk, feed: Feed, left: float, idle_seconds: float) -> Reading:
    return await read_page(lane, task(walk.definition, deadline_seconds=left, idle_seconds=idle_seconds, feed=feed))
