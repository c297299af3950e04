"""Which conversations are worth a reply, how much, and why. Pure: a post, a clock and a policy.

A good one is young, is being liked, and is not yet crowded. The score is the product of three parts from 0 to 1, so
that one that is nil can't be made up for by the others:

    interest = v / (v + policy.likes_an_hour)     v = likes an hour since it was posted, or what stands for likes
    freshness = 1 - age / policy.max_age
    room = 1 / (1 + replies / policy.crowd)

What a site has no likes for it has a score for, or replies, or views: `ScoringPolicy.interest` says in which order
they are asked for, and how many of them are worth a like. What is unknown keeps a post out only where it is needed:
without a time, or any of these counts, there is no score.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

from scraper.post import METRICS, Post
from scraper.store.opportunities import Opportunity

EXACT_TIME = timedelta(minutes=1)
"""A time that is known so well is the time: many sites print no seconds."""
YOUNGEST = timedelta(minutes=5)
"""A post of some seconds would have any number of likes an hour."""


@dataclass(frozen=True, slots=True)
class Tier:
    """From which score a tier begins, and how long an opportunity of it is kept."""

    name: str
    from_score: float
    keep: timedelta


@dataclass(frozen=True, slots=True)
class ScoringPolicy:
    """What counts. Tiers are in falling order of score; what is below the last is no opportunity.

    A bound that is None is none. `languages` are codes such as "de"; where some are given, a post must say that it is
    in one of them. `interest` are the counts that stand for likes, of which the first that a post has is taken,
    and how many of each are worth one; bounds of likes hold for a score where there are no likes.
    `blocked_authors` and our own posts (`own_authors`) are none, with or without the "@".
    """

    max_age: timedelta = timedelta(hours=48)
    min_age: timedelta = timedelta(0)
    min_text: int = 20
    max_text: int | None = None
    min_likes: int = 0
    max_likes: int | None = None
    min_replies: int = 0
    max_replies: int | None = None
    min_likes_an_hour: float = 0.0
    languages: tuple[str, ...] = ()
    blocked_authors: tuple[str, ...] = ()
    own_authors: tuple[str, ...] = ()
    interest: tuple[tuple[str, float], ...] = (("likes", 1.0), ("score", 1.0), ("views", 100.0), ("replies", 0.5))
    likes_an_hour: float = 10.0
    crowd: float = 40.0
    tiers: tuple[Tier, ...] = (
        Tier("hot", 0.5, timedelta(hours=12)),
        Tier("warm", 0.25, timedelta(hours=24)),
        Tier("cool", 0.08, timedelta(hours=48)),
    )


def scoring_policy(table: Mapping[str, Any]) -> ScoringPolicy:
    """A policy from a table of its fields, as settings have it: times in hours, tiers as tables.

    Raises ValueError: which key, and what is allowed.
    """
    given: dict[str, Any] = {}
    for key, value in table.items():
        kind = _KINDS.get(key)
        if kind is None:
            raise ValueError(f"there is no {key}; there are {', '.join(_KINDS)}")
        try:
            given[key] = kind(value)
        except (TypeError, ValueError, OverflowError, KeyError):
            raise ValueError(f"{key} can't be {value!r}; {_EXPECTED[kind]}") from None
    tiers = given.get("tiers", ())
    if [tier.from_score for tier in tiers] != sorted((tier.from_score for tier in tiers), reverse=True):
        raise ValueError("tiers are in falling order of the score that they begin from")
    return replace(ScoringPolicy(), **given)


def _hours(value: Any) -> timedelta:
    span = timedelta(hours=float(value))
    if span < timedelta(0):
        raise ValueError(value)
    return span


def _count(value: Any) -> int:
    if isinstance(value, bool) or int(value) != value or value < 0:
        raise ValueError(value)
    return int(value)


def _amount(value: Any) -> float:
    if isinstance(value, bool) or not 0 <= float(value) < math.inf:
        raise ValueError(value)
    return float(value)


def _words(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(one, str) and one.strip() for one in value):
        raise ValueError(value)
    return tuple(value)


def _worths(value: Any) -> tuple[tuple[str, float], ...]:
    worths = tuple((name, _amount(worth)) for name, worth in dict(value).items())
    if not worths or any(name not in METRICS or not worth for name, worth in worths):
        raise ValueError(value)
    return worths


def _tiers(value: Any) -> tuple[Tier, ...]:
    tiers = tuple(Tier(str(one["name"]), _amount(one["from"]), _hours(one["hours"])) for one in value)
    if not tiers:
        raise ValueError(value)
    return tiers


_KINDS: Final[Mapping[str, Callable[[Any], Any]]] = MappingProxyType(
    {
        "max_age": _hours,
        "min_age": _hours,
        **dict.fromkeys(("min_text", "max_text", "min_likes", "max_likes", "min_replies", "max_replies"), _count),
        **dict.fromkeys(("min_likes_an_hour", "likes_an_hour", "crowd"), _amount),
        **dict.fromkeys(("languages", "blocked_authors", "own_authors"), _words),
        "tiers": _tiers,
        "interest": _worths,
    }
)
_EXPECTED: Final[Mapping[Callable[[Any], Any], str]] = MappingProxyType(
    {
        _hours: "it is a number of hours, such as 48",
        _count: "it is a whole number, 0 or more",
        _amount: "it is a number, 0 or more",
        _words: 'it is a list of words, such as ["de", "en"]',
        _worths: "it is a table of counts and how many are worth a like, such as {score = 1, views = 100}",
        _tiers: 'it is a list of tables, such as {name = "hot", from = 0.5, hours = 12}',
    }
)


def opportunity(
    post: Post, now: datetime, policy: ScoringPolicy, blocked: frozenset[str] = frozenset()
) -> Opportunity | str:
    """The opportunity that `post` is, or in a few words why it is none. `blocked` are more authors."""
    known = post.time_range
    # Of an age or a date, and of a time without a zone, the earliest that it can be: it must not look younger.
    since = known.earliest if known is not None and post.time is None else post.time
    shown = _interest(post, policy)
    if post.url is None:
        return "no permalink shown"
    if since is None:
        return "no time shown"
    if shown is None:
        return f"no {' or '.join(name for name, _ in policy.interest)} shown"
    age = max(now - since, YOUNGEST)
    unfit = _unfit(post, age, policy, shown) or _unwanted(post, policy, blocked)
    if unfit is not None:
        return unfit
    score, because = _score(shown, post.replies, age, policy)
    tier = next((tier for tier in policy.tiers if score >= tier.from_score), None)
    if tier is None:
        return "score too low"
    return Opportunity(
        site=post.site,
        post_id=post.id,
        url=post.url,
        author=post.author,
        text=post.text or post.title,
        posted_at=None if known is not None and known.latest - known.earliest > EXACT_TIME else since,
        likes=post.likes,
        replies=post.replies,
        views=post.views,
        score=score,
        tier=tier.name,
        because=because,
        keep=tier.keep,
        lang=post.lang,
    )


@dataclass(frozen=True, slots=True)
class _Interest:
    """The count that stands for likes: its name, how many there are at least, and how many likes they are worth."""

    name: str
    count: int
    likes: float


def _interest(post: Post, policy: ScoringPolicy) -> _Interest | None:
    for name, worth in policy.interest:
        exact, known = post.metric(name), post.approximate.get(name)
        count = exact if exact is not None else known.low if known else None
        if count is not None:
            return _Interest(name, count, max(count, 0) / worth)
    return None


def _unfit(post: Post, age: timedelta, policy: ScoringPolicy, shown: _Interest) -> str | None:
    """Why what it is, or how it does, rules a post out."""
    length = len(post.text or post.title or "")
    likes_an_hour = shown.likes / (age / timedelta(hours=1))
    likes = post.likes if post.likes is not None else post.score
    reasons = (
        (post.promoted, "promoted"),
        (age > policy.max_age, "too old"),
        (age < policy.min_age, "too young"),
        (length < policy.min_text, "too short"),
        (_is_over(length, policy.max_text), "too long"),
        (max(likes or 0, 0) < policy.min_likes, "too few likes"),
        (_is_over(likes, policy.max_likes), "too many likes"),
        ((post.replies or 0) < policy.min_replies, "too few replies"),
        (_is_over(post.replies, policy.max_replies), "too many replies"),
        (likes_an_hour < policy.min_likes_an_hour, "too slow"),
    )
    return next((reason for is_so, reason in reasons if is_so), None)


def _unwanted(post: Post, policy: ScoringPolicy, blocked: frozenset[str]) -> str | None:
    """Why who wrote it, or in which language, rules a post out."""
    author = _handle(post.author or "")
    if author and author in {_handle(one) for one in (*policy.blocked_authors, *blocked)}:
        return "its author is blocked"
    if author and author in {_handle(one) for one in policy.own_authors}:
        return "it is our own"
    if policy.languages and (post.lang or "").partition("-")[0].lower() not in policy.languages:
        return "not in a language that is wanted"
    return None


def _is_over(value: int | None, most: int | None) -> bool:
    return value is not None and most is not None and value > most


def _handle(author: str) -> str:
    return author.removeprefix("@").lower()


def _score(shown: _Interest, replies: int | None, age: timedelta, policy: ScoringPolicy) -> tuple[float, str]:
    hours = age / timedelta(hours=1)
    likes_an_hour = shown.likes / hours
    interest = likes_an_hour / (likes_an_hour + policy.likes_an_hour)
    freshness = 1 - min(1.0, age / policy.max_age)
    # An unknown number of replies is taken as a crowd: it must not look better than a known one.
    room = 1 / (1 + (policy.crowd if replies is None else replies) / policy.crowd)
    told = "unknown" if replies is None else str(replies)
    because = f"{shown.count / hours:.0f} {shown.name} an hour, {hours:.1f} h old, {told} replies"
    return interest * freshness * room, because
