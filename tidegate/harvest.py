"""`tidegate harvest`: what in a feed would be worth a reply, and why the rest is not. Nothing is stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jobs.scoring import ScoringPolicy, opportunity
from scraper.post import Post
from scraper.store.opportunities import Opportunity


@dataclass(frozen=True, slots=True)
class Judged:
    """A post, and what the policy makes of it. `score` and `tier` are None where it is no opportunity."""

    post: Post
    tier: str | None
    score: float | None
    because: str

    def as_row(self) -> Mapping[str, Any]:
        """For printing."""
        post = self.post
        return {
            "tier": self.tier,
            "score": self.score,
            "because": self.because,
            "site": post.site,
            "post_id": post.id,
            "author": post.author,
            "text": post.text or post.title,
            "posted_at": post.time,
            "likes": post.likes,
            "replies": post.replies,
            "views": post.views,
            "url": post.url,
        }


def judged(posts: Iterable[Post], now: datetime, policy: ScoringPolicy) -> list[Judged]:
    """Each post once, the best first, those that are no opportunity last."""
    seen: dict[tuple[str, str], Judged] = {}
    for post in posts:
        found = opportunity(post, now, policy)
        seen[post.site, post.id] = (
            Judged(post, found.tier, found.score, found.because)
            if isinstance(found, Opportunity)
            else Judged(post, None, None, found)
        )
    return sorted(seen.values(), key=lambda one: -(one.score if one.score is not None else -1.0))


def others_in_words(found: Iterable[Judged]) -> str:
    """How many are none, and why: "7 others: 5 too old, 2 score too low"; empty where there are none."""
    reasons = Counter(one.because for one in found if one.tier is None)
    if not reasons:
        return ""
    told = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
    return f"{reasons.total()} others: {told}"
