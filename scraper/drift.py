"""Which fields of a site are not read any more: posts are there, likes never.

A page without posts is noticed at once. A field that is gone from posts that are otherwise fine is not: any one post
may have no likes to show. So what a definition yields is counted, field by field, and compared with what it yielded
lately. Pure.

Two things make it hard. Posts on one page resemble each other: where one has no picture, its neighbours may have none
either, so a page full of posts without a field says little unless nearly every post had it. And a field that has
drifted drags down what it is compared with, day by day, until it looks as ever; so it is compared with the best weeks
there were, and not with days after the last one on which it was read.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from scraper.definition import Definition
from scraper.kinds import ItemKind
from scraper.post import Post

UNLIKELY: Final = 1e-4
"""What is less probable than this, had nothing changed and were posts independent, is a drift."""
UNLIKELY_BY_PAGE: Final = 1e-2
"""The same if all posts of a page count as one, as they do at worst."""
NEARLY_ALWAYS: Final = 0.9
"""A field that was in so many posts, of `ENOUGH_PAGES`, is in nearly all of any page: one without it is enough."""
ENOUGH_PAGES: Final = 5
NEGLIGIBLE: Final = 1e-18
"""A term of a sum that is smaller than this share of it changes nothing."""
CAUTION: Final = 3.0
"""So many standard errors below what was seen before is what is taken for the usual share."""
NOT_COUNTED: Final = frozenset(
    {"pinned", "promoted", "reposted", "cut", "countless", "social_context", "thread", "lang"}
)
"""Fields that say something of few posts, so that their absence says nothing."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """One field of one kind of post in one layout of a site."""

    site: str
    layout: str
    kind: str
    field: str


@dataclass(frozen=True, slots=True)
class Yield:
    """Of so many posts on so many pages the field was read in so many posts, last on a day if that is known."""

    posts: int = 0
    found: int = 0
    pages: int = 0
    last_found_on: date | None = None

    def __add__(self, other: Yield) -> Yield:
        days = [day for day in (self.last_found_on, other.last_found_on) if day is not None]
        return Yield(
            self.posts + other.posts,
            self.found + other.found,
            self.pages + other.pages,
            max(days, default=None),
        )

    @property
    def share(self) -> float:
        """From 0 to 1; 0 without posts."""
        return self.found / self.posts if self.posts else 0.0


@dataclass(frozen=True, slots=True)
class Drift:
    """A field that is read less than it was."""

    place: Place
    now: Yield
    before: Yield

    def __str__(self) -> str:
        often = "never" if not self.now.found else f"in {self.now.found} of {self.now.posts}"
        where = f"{self.place.site} {self.place.layout}/{self.place.kind}"
        last = f", last read on {self.before.last_found_on}" if self.before.last_found_on else ""
        return (
            f"{self.place.field} {often} ({self.now.posts} posts of {where} now; "
            f"before in {self.before.share:.0%} of {self.before.posts}{last})"
        )


def yields_of(definition: Definition, pages: Iterable[Iterable[Post]]) -> dict[Place, Yield]:
    """What `definition` yielded on `pages`, each given by its posts, for each field that their kinds have."""
    fields = {(layout.name, kind.name): _fields_of(kind) for layout, kind in definition.kinds}
    yielded: dict[Place, Yield] = {}
    for posts in pages:
        on_page: defaultdict[Place, Yield] = defaultdict(lambda: Yield(pages=1))
        for post in posts:
            for field in fields.get((post.layout, post.kind), ()):
                place = Place(definition.name, post.layout, post.kind, field)
                on_page[place] += Yield(1, int(field in post.sources))
        yielded = added(yielded, on_page)
    return yielded


def usual(weeks: Sequence[Yield]) -> Yield:
    """What to compare with, of what was read in `weeks`, in their order: those in a row that promise the most.

    Steady weeks promise the most together. Weeks since a drift promise less, and are left out.
    """
    runs = (weeks[start:end] for start in range(len(weeks)) for end in range(start + 1, len(weeks) + 1))
    return max((sum(run, Yield()) for run in runs), key=_at_least, default=Yield())


def added(one: Mapping[Place, Yield], other: Mapping[Place, Yield]) -> dict[Place, Yield]:
    """Both together."""
    return {place: one.get(place, Yield()) + other.get(place, Yield()) for place in dict.fromkeys((*one, *other))}


def drifts(now: Mapping[Place, Yield], before: Mapping[Place, Yield]) -> tuple[Drift, ...]:
    """The fields that are read in half as many posts as before or fewer, and not by chance."""
    return tuple(
        Drift(place, seen, before[place])
        for place, seen in sorted(now.items(), key=lambda item: item[0])
        if place in before and _has_drifted(seen, before[place])
    )


def _has_drifted(now: Yield, before: Yield) -> bool:
    share = _at_least(before)
    if not now.posts or now.share > share / 2 or _chance_of_so_few(now, share) >= UNLIKELY:
        return False
    if before.share >= NEARLY_ALWAYS and before.pages >= ENOUGH_PAGES:
        return True
    pages_now = Yield(now.pages, math.ceil(now.found * now.pages / now.posts))
    pages_before = Yield(before.pages, math.floor(before.found * before.pages / before.posts))
    return _chance_of_so_few(pages_now, _at_least(pages_before)) < UNLIKELY_BY_PAGE


def _at_least(seen: Yield) -> float:
    """The lower end of Wilson's score interval for the share behind `seen`."""
    if not seen.posts:
        return 0.0
    n, z = seen.posts, CAUTION
    middle = seen.share + z * z / (2 * n)
    spread = z * math.sqrt(seen.share * (1 - seen.share) / n + z * z / (4 * n * n))
    return max(0.0, (middle - spread) / (1 + z * z / n))


def _chance_of_so_few(now: Yield, share: float) -> float:
    """The probability of as few as were found, or fewer, if each post has the field with probability `share`.

    The terms of the binomial distribution, from the greatest down, in logarithms: neither large numbers nor small
    ones run over. Below half of the mean each is less than half of the one before, so a few dozen are enough. As many
    as the mean or more are not few: 1.
    """
    if now.found >= now.posts * share:
        return 1.0
    if share >= 1:
        return 0.0
    n, total = now.posts, 0.0
    for k in range(now.found, -1, -1):
        ways = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
        term = math.exp(ways + k * math.log(share) + (n - k) * math.log1p(-share))
        total += term
        if term <= total * NEGLIGIBLE:
            break
    return total


def _fields_of(kind: ItemKind) -> tuple[str, ...]:
    named = (*kind.fields, *(kind.counts.words if kind.counts else ()))
    return tuple(dict.fromkeys(str(field) for field in named if field not in NOT_COUNTED))
