"""Which conversations are worth a reply, how much, and why. Pure: a post, a clock and a policy.

A good one is young, is being liked, and is not yet crowded. The score is the product of three parts from 0 to 1, so
that one that is nil can't be made up for by the others:

    interest = v / (v + policy.likes_an_hour)     v = likes an hour since it was posted
    freshness = 1 - age / policy.max_age
    room = 1 / (1 + replies / policy.crowd)

What is unknown keeps a post out only where it is needed: without a time or likes there is no score.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from scraper.post import Post
from scraper.store.opportunities import Opportunity

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
    """What counts. Tiers are in falling order of score; what is below the last is no opportunity."""

    max_age: timedelta = timedelta(hours=48)
    min_text: int = 20
    likes_an_hour: float = 10.0
    crowd: float = 40.0
    tiers: tuple[Tier, ...] = (
        Tier("hot", 0.5, timedelta(hours=12)),
        Tier("warm", 0.25, timedelta(hours=24)),
        Tier("cool", 0.08, timedelta(hours=48)),
    )


def opportunity(post: Post, now: datetime, policy: ScoringPolicy) -> Opportunity | str:
    """The opportunity that `post` is, or in a few words why it is none."""
    if post.url is None or post.time is None or post.likes is None:
        return "no permalink, time or likes shown"
    age = max(now - post.time, YOUNGEST)
    unfit = _unfit(post, age, policy)
    if unfit is not None:
        return unfit
    score, because = _score(post.likes, post.replies, age, policy)
    tier = next((tier for tier in policy.tiers if score >= tier.from_score), None)
    if tier is None:
        return "score too low"
    return Opportunity(
        site=post.site,
        post_id=post.id,
        url=post.url,
        author=post.author,
        text=post.text or post.title,
        posted_at=post.time,
        likes=post.likes,
        replies=post.replies,
        views=post.views,
        score=score,
        tier=tier.name,
        because=because,
        keep=tier.keep,
    )


def _unfit(post: Post, age: timedelta, policy: ScoringPolicy) -> str | None:
    if post.promoted:
        return "promoted"
    if age > policy.max_age:
        return "too old"
    return "too short" if len(post.text or post.title or "") < policy.min_text else None


def _score(likes: int, replies: int | None, age: timedelta, policy: ScoringPolicy) -> tuple[float, str]:
    hours = age / timedelta(hours=1)
    likes_an_hour = likes / hours
    interest = likes_an_hour / (likes_an_hour + policy.likes_an_hour)
    freshness = 1 - min(1.0, age / policy.max_age)
    # An unknown number of replies is taken as a crowd: it must not look better than a known one.
    room = 1 / (1 + (policy.crowd if replies is None else replies) / policy.crowd)
    shown = "unknown" if replies is None else str(replies)
    return interest * freshness * room, f"{likes_an_hour:.0f} likes an hour, {hours:.1f} h old, {shown} replies"
