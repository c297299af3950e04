"""Which fields of a site are not read any more: posts are there, likes never.

A page without posts is noticed at once. A field that is gone from posts that are otherwise fine is not: any one post
may have no likes to show. So what a definition yields is counted, field by field, and compared with what it yielded
lately. Pure.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from scraper.definition import Definition
from scraper.kinds import ItemKind
from scraper.post import Post

UNLIKELY: Final = 1e-4
"""What is less probable than this, had nothing changed, is a drift."""
CAUTION: Final = 3.0
"""So many standard errors below what was seen before is what is taken for the usual share."""
NOT_COUNTED: Final = frozenset({"pinned", "promoted", "reposted", "cut", "social_context", "thread"})
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
    """Of so many posts the field was read in so many."""

    posts: int = 0
    found: int = 0

    def __add__(self, other: Yield) -> Yield:
        return Yield(self.posts + other.posts, self.found + other.found)

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
        return (
            f"{self.place.field} {often} ({self.now.posts} posts of {where} now; "
            f"before in {self.before.share:.0%} of {self.before.posts})"
        )


def yields_of(definition: Definition, posts: Iterable[Post]) -> dict[Place, Yield]:
    """What `definition` yielded in `posts`, for each field that their kinds have."""
    fields = {(layout.name, kind.name): _fields_of(kind) for layout, kind in definition.kinds}
    found: defaultdict[Place, Yield] = defaultdict(Yield)
    for post in posts:
        for field in fields.get((post.layout, post.kind), ()):
            place = Place(definition.name, post.layout, post.kind, field)
            found[place] += Yield(1, int(field in post.sources))
    return dict(found)


def added(one: Mapping[Place, Yield], other: Mapping[Place, Yield]) -> dict[Place, Yield]:
    """Both together."""
    return {place: one.get(place, Yield()) + other.get(place, Yield()) for place in {*one, *other}}


def drifts(now: Mapping[Place, Yield], before: Mapping[Place, Yield]) -> tuple[Drift, ...]:
    """The fields that are read in half as many posts as before or fewer, and not by chance."""
    return tuple(
        Drift(place, seen, before[place])
        for place, seen in sorted(now.items(), key=lambda item: item[0])
        if place in before and _has_drifted(seen, before[place])
    )


def _has_drifted(now: Yield, before: Yield) -> bool:
    usual = _at_least(before)
    return now.posts > 0 and now.share <= usual / 2 and _chance_of_so_few(now, usual) < UNLIKELY


def _at_least(seen: Yield) -> float:
    """The lower end of Wilson's score interval for the share behind `seen`."""
    if not seen.posts:
        return 0.0
    n, z = seen.posts, CAUTION
    middle = seen.share + z * z / (2 * n)
    spread = z * math.sqrt(seen.share * (1 - seen.share) / n + z * z / (4 * n * n))
    return max(0.0, (middle - spread) / (1 + z * z / n))


def _chance_of_so_few(now: Yield, share: float) -> float:
    """The probability of as few as were found, or fewer, if each post has the field with probability `share`."""
    if share >= 1:
        return 0.0 if now.found < now.posts else 1.0
    return math.fsum(
        math.comb(now.posts, k) * share**k * (1 - share) ** (now.posts - k) for k in range(now.found + 1)
    )


def _fields_of(kind: ItemKind) -> tuple[str, ...]:
    named = (*kind.fields, *(kind.counts.words if kind.counts else ()))
    return tuple(dict.fromkeys(str(field) for field in named if field not in NOT_COUNTED))
