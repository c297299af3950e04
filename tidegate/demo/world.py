"""The truth behind the demo site: who wrote what, and how often it was seen, liked and answered.

Everything follows from a seed. Two worlds of the same seed, size, tick and clock say the same, in whichever process
they were made, so that what was read from the site can be checked against what is true.

A tick says which look this is. Nothing but metrics depends on it, and they only grow.
"""

# ruff: noqa: S311, the same seed must give the same world
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from math import exp
from random import Random

from tidegate.demo.phrases import ADVERTS, BIOS, HASHTAGS, NAMES, PHRASEBOOKS, PICTURES

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
"""The moment at which a world is looked at, unless told otherwise."""

PAGE_SIZE = 20
"""Posts in one page of a feed."""

QUIET_HANDLE = "quiet"
"""The author who has never written anything."""

_FIRST_ID = 1_900_000_000_000_000_000
_ID_STEP = 1_000_003
_POSTS_BETWEEN_ADVERTS = 7


@dataclass(frozen=True, slots=True)
class Author:
    """Somebody who writes. `handle` has no @."""

    handle: str
    name: str
    bio: str
    followers: int
    following: int


@dataclass(frozen=True, slots=True)
class Metrics:
    """How often a post was seen, and what people did with it, in all up to one tick."""

    views: int
    likes: int
    reposts: int
    replies: int
    bookmarks: int


@dataclass(frozen=True, slots=True)
class Post:
    """One post. `parent_id` is the post that it answers, `quoted_id` the one that it shows inside itself.

    Ids are decimal text of 19 digits: more than a JavaScript number can hold. `picture` describes the image, None
    without one.
    """

    id: str
    author: Author
    text: str
    lang: str
    hashtags: tuple[str, ...]
    created_at: datetime
    metrics: Metrics
    parent_id: str | None = None
    quoted_id: str | None = None
    picture: str | None = None
    is_pinned: bool = False
    is_promoted: bool = False

    @property
    def path(self) -> str:
        """Where the post is on the site, such as `/@alice/post/1900000000000000001`."""
        return f"/@{self.author.handle}/post/{self.id}"


@dataclass(frozen=True, slots=True)
class FeedPage:
    """One page of a feed; `cursor` asks for the next one, None at the end."""

    posts: tuple[Post, ...]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class Profile:
    """An author and the first page of what they wrote, pinned first."""

    author: Author
    feed: FeedPage


@dataclass(frozen=True, slots=True)
class Thread:
    """A post, what it answers (the oldest first), and the first page of its answers (the most liked first)."""

    parents: tuple[Post, ...]
    post: Post
    replies: FeedPage


class World:
    """All that is true of the demo site at one tick.

    `posts` is how many there are, replies and adverts among them. `now` is the moment from which ages count
    back.

    Raises `ValueError` for negative numbers, and for a `now` without a time zone.
    """

    def __init__(self, seed: int = 0, *, posts: int = 100, tick: int = 0, now: datetime = NOW) -> None:
        if posts < 0 or tick < 0:
            raise ValueError("posts and tick can't be negative")
        if now.tzinfo is None:
            raise ValueError(f"now needs a time zone: {now.isoformat()}")
        self.seed = seed
        self.tick = tick
        # The site tells times in whole seconds.
        self.now = now = now.astimezone(UTC).replace(microsecond=0)
        self.authors = _authors(seed)
        self.posts = _posts(seed, posts, tick, now, self.authors)
        self._by_id = {post.id: post for post in self.posts}
        self._authors = {author.handle: author for author in self.authors}

    def at(self, tick: int) -> World:
        """Give the same world at another tick."""
        return World(self.seed, posts=len(self.posts), tick=tick, now=self.now)

    def post(self, post_id: str) -> Post:
        """Give one post. Raises `KeyError` when there is none of this id."""
        return self._by_id[post_id]

    def author(self, handle: str) -> Author:
        """Give one author. Raises `KeyError` when there is none of this handle."""
        return self._authors[handle]

    def feed(self, cursor: str | None = None) -> FeedPage:
        """Give a page of the home feed: the newest first, no replies, adverts in between."""
        organic = [post for post in self.posts if not post.is_promoted and post.parent_id is None]
        adverts = iter([post for post in self.posts if post.is_promoted])
        shown: list[Post] = []
        for place, post in enumerate(organic, start=1):
            shown.append(post)
            if place % _POSTS_BETWEEN_ADVERTS == 0 and (advert := next(adverts, None)):
                shown.append(advert)
        return _page(shown, cursor)

    def profile(self, handle: str, cursor: str | None = None) -> Profile:
        """Give an author and what they wrote, without replies. Raises `KeyError` for an unknown handle."""
        author = self.author(handle)
        own = [post for post in self.posts if post.author == author and post.parent_id is None]
        own.sort(key=lambda post: not post.is_pinned)
        return Profile(author, _page([post for post in own if not post.is_promoted], cursor))

    def search(self, query: str, cursor: str | None = None) -> FeedPage:
        """Give the posts, replies too, whose text or author holds every word of `query`, the newest first."""
        words = query.casefold().split()
        found = [post for post in self.posts if words and all(word in _searchable(post) for word in words)]
        return _page(found, cursor)

    def thread(self, post_id: str, cursor: str | None = None) -> Thread:
        """Give a post among what it answers and what answers it. Raises `KeyError` for an unknown id."""
        post = self.post(post_id)
        parents: list[Post] = []
        above = post.parent_id
        while above is not None:
            parents.insert(0, self.post(above))
            above = parents[0].parent_id
        replies = [reply for reply in self.posts if reply.parent_id == post_id]
        replies.sort(key=lambda reply: reply.metrics.likes, reverse=True)
        return Thread(tuple(parents), post, _page(replies, cursor))


def metrics_at(seed: int, post_id: str, tick: int, *, age_hours: float, least_replies: int = 0) -> Metrics:
    """Say how a post stands at a tick. Views grow with every tick, the others never shrink.

    `age_hours` is the post's age at tick 0: the young have fewer views and gain more. `least_replies` is how many
    replies can be seen on the site; the count is never below it.
    """
    random = Random(f"{seed}:{post_id}:metrics")
    reach = 10 ** random.uniform(1.2, 6.8)
    first_views = reach * (1 - exp(-age_hours / 24))
    views_a_tick = 4 + reach * random.uniform(0.005, 0.05) * exp(-age_hours / 72)
    likes_share, reposts_share = random.uniform(0.004, 0.09), random.uniform(0.0005, 0.02)
    replies_share, bookmarks_share = random.uniform(0.0003, 0.01), random.uniform(0.0002, 0.015)
    # Less than half a tick of unevenness, so that a later look always sees more.
    unevenness = Random(f"{seed}:{post_id}:{tick}").uniform(0, 0.5)
    views = int(first_views + views_a_tick * (tick + unevenness))
    return Metrics(
        views=views,
        likes=int(views * likes_share),
        reposts=int(views * reposts_share),
        replies=max(least_replies, int(views * replies_share)),
        bookmarks=int(views * bookmarks_share),
    )


def _authors(seed: int) -> tuple[Author, ...]:
    random = Random(f"{seed}:authors")
    authors = [
        Author(
            handle, name, random.choice(BIOS), int(10 ** random.uniform(1.3, 6)), int(10 ** random.uniform(1, 3.2))
        )
        for handle, name in NAMES
    ]
    return (*authors, Author(QUIET_HANDLE, "Quiet Quay", "Listening.", 31, 12))


def _posts(seed: int, count: int, tick: int, now: datetime, authors: Sequence[Author]) -> tuple[Post, ...]:
    """Make all posts, the newest first.

    What a post is follows from its place, so that a small world too has one of each kind. Parents and quoted
    posts come from earlier places: a world of 200 posts begins with the world of 100.
    """
    made: list[Post] = []
    children: dict[str, int] = {}
    pinned: set[str] = set()
    for place in range(count):
        post = _draft(Random(f"{seed}:post:{place}"), place, made, now, authors)
        if post.parent_id is not None:
            children[post.parent_id] = children.get(post.parent_id, 0) + 1
        elif not post.is_promoted and post.author.handle not in pinned and place % 4 == 0:
            pinned.add(post.author.handle)
            post = replace(post, is_pinned=True)
        made.append(post)
    counted = []
    for post in made:
        age_hours = (now - post.created_at).total_seconds() / 3600
        seen = metrics_at(seed, post.id, tick, age_hours=age_hours, least_replies=children.get(post.id, 0))
        counted.append(replace(post, metrics=seen))
    return tuple(sorted(counted, key=lambda post: (post.created_at, post.id), reverse=True))


def _draft(random: Random, place: int, earlier: Sequence[Post], now: datetime, authors: Sequence[Author]) -> Post:
    author = authors[int((len(authors) - 1) * random.random() ** 1.7)]
    is_promoted = place % 11 == 5
    organic = [post for post in earlier if not post.is_promoted]
    # Old posts have the most replies: squaring draws towards the first.
    parent = organic[int(len(organic) * random.random() ** 2)] if place % 3 == 2 else None
    quoted = random.choice(organic) if place % 7 == 3 else None
    book = PHRASEBOOKS[0] if place < 2 else random.choice(PHRASEBOOKS)
    tags = tuple(random.sample(HASHTAGS, random.choice((0, 1, 1, 2))))
    sentence = book.space.join(random.choice(part) for part in (book.openings, book.middles, book.endings))
    if parent is not None and not is_promoted:
        created_at = now - (now - parent.created_at) * random.uniform(0.05, 0.95)
    else:
        created_at = now - timedelta(minutes=2 * 10 ** random.uniform(0.2, 5))
    return Post(
        id=str(_FIRST_ID + place * _ID_STEP + random.randrange(_ID_STEP)),
        author=author,
        text=random.choice(ADVERTS) if is_promoted else " ".join((sentence, *(f"#{tag}" for tag in tags))),
        lang="en" if is_promoted else book.lang,
        hashtags=() if is_promoted else tags,
        created_at=created_at.replace(microsecond=0),
        metrics=Metrics(0, 0, 0, 0, 0),
        parent_id=parent.id if parent is not None and not is_promoted else None,
        quoted_id=quoted.id if quoted is not None and not is_promoted else None,
        picture=random.choice(PICTURES) if place % 4 == 1 else None,
        is_promoted=is_promoted,
    )


def _searchable(post: Post) -> str:
    return f"{post.text} {post.author.name} @{post.author.handle}".casefold()


def _page(posts: Sequence[Post], cursor: str | None) -> FeedPage:
    """Cut one page out of a feed; a cursor is the number of posts already seen. Raises `ValueError` for others."""
    start = int(cursor or 0)
    end = start + PAGE_SIZE
    return FeedPage(tuple(posts[start:end]), str(end) if end < len(posts) else None)
