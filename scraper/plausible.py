"""What a reading says beside the one before it: how fast a post grows, and what is hard to believe. Pure.

A doubt is told beside the numbers and changes none of them: they are what the page showed.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from scraper.post import METRICS, Post

LEAST_TO_FALL: Final = 20
"""A count below this may halve by a person's change of mind."""
LEAST_BASE: Final = 10
"""From 1 like to 3 is no growth by 200 %."""
LEAST_APART: Final = timedelta(minutes=1)


def growth(post: Post, before: Mapping[str, Any], apart: timedelta) -> float | None:
    """The share by which `post` grew in an hour, by views, else likes, else score; None where that is not known.

    `before` holds the metrics of the last snapshot, taken `apart` ago.
    """
    for metric in ("views", "likes", "score"):
        now, then = post.metric(metric), before.get(metric)
        if now is not None and then is not None:
            hours = max(apart, LEAST_APART) / timedelta(hours=1)
            return float((now - then) / max(then, LEAST_BASE) / hours)
    return None


def doubts(post: Post, before: Mapping[str, Any] | None) -> list[str]:
    """What is hard to believe about the counts of `post`, in words; `before` holds those of the last snapshot."""
    found = []
    if post.views is not None and post.likes is not None and post.likes > post.views:
        found.append(f"{post.likes} likes over {post.views} views")
    for metric in METRICS:
        now, then = post.metric(metric), (before or {}).get(metric)
        if now is not None and then is not None and then >= LEAST_TO_FALL and now * 2 <= then:
            found.append(f"{metric} fell from {then} to {now}")
    return found
