"""A post as it was read from a page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from scraper.values.counts import Range
from scraper.values.times import Moment

METRICS: Final = ("views", "likes", "reposts", "replies", "bookmarks", "score")
"""The counts of a post. `score` is votes, on sites that have points instead of likes."""


@dataclass(frozen=True, slots=True)
class Quoted:
    """The post that a post quotes, as far as it shows."""

    author: str | None = None
    id: str | None = None
    url: str | None = None
    text: str | None = None
    author_name: str | None = None


@dataclass(frozen=True, slots=True)
class Post:
    """One post. Unknown is None, never 0; a metric is an exact count or None.

    `url` is its permalink, `link` the address that it links to, `time` aware and in UTC. `approximate` holds, by
    metric, what an abbreviated count such as "32K" stands for, and `time_range` what "2 hours ago" does; then `time`
    is None. `sources` says, by field, which place it was read from, `layout` which face of the site, and `kind`
    which kind of post there. It is `countless` where the site shows no counts for it. `lang` is the language that its
    text says it is in.
    """

    id: str
    site: str
    layout: str
    kind: str = "post"
    url: str | None = None
    author: str | None = None
    author_name: str | None = None
    text: str | None = None
    title: str | None = None
    link: str | None = None
    time: datetime | None = None
    time_range: Moment | None = None
    rank: int | None = None
    depth: int | None = None
    parent: str | None = None
    pinned: bool | None = None
    promoted: bool | None = None
    reposted: bool | None = None
    social_context: str | None = None
    lang: str | None = None
    countless: bool | None = None
    quoted: Quoted | None = None
    views: int | None = None
    likes: int | None = None
    reposts: int | None = None
    replies: int | None = None
    bookmarks: int | None = None
    score: int | None = None
    approximate: Mapping[str, Range] = field(default_factory=lambda: MappingProxyType({}))
    warnings: tuple[str, ...] = ()
    sources: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def has_metric(self) -> bool:
        """Whether any count is known, if only within bounds."""
        return bool(self.approximate) or any(self.metric(name) is not None for name in METRICS)

    def metric(self, name: str) -> int | None:
        """The exact count of one of `METRICS`."""
        if name not in METRICS:
            raise KeyError(name)
        value: int | None = getattr(self, name)
        return value


def post_as_dict(post: Post) -> dict[str, Any]:
    """`post` for JSON, with the keys that docs/sites.md promises. `time` is ISO 8601 in UTC."""
    quoted = post.quoted
    return {
        "id": post.id,
        "site": post.site,
        "kind": post.kind,
        "url": post.url,
        "author": post.author,
        "author_name": post.author_name,
        "title": post.title,
        "text": post.text,
        "link": post.link,
        "time": _iso(post.time) if post.time else None,
        "rank": post.rank,
        "depth": post.depth,
        "parent": post.parent,
        "pinned": post.pinned,
        "promoted": post.promoted,
        "reposted": post.reposted,
        "social_context": post.social_context,
        "lang": post.lang,
        "quoted": quoted
        and {
            "id": quoted.id,
            "url": quoted.url,
            "author": quoted.author,
            "author_name": quoted.author_name,
            "text": quoted.text,
        },
        **{metric: post.metric(metric) for metric in METRICS},
        "approximate": approximate_as_dict(post),
        "layout": post.layout,
        "warnings": list(post.warnings),
        "sources": dict(post.sources),
    }


def approximate_as_dict(post: Post) -> dict[str, dict[str, Any]]:
    """What is known of `post` only within bounds, both included: by metric, and "time" with moments in ISO 8601."""
    known: dict[str, dict[str, Any]] = {
        metric: {"low": count.low, "high": count.high, "text": count.text}
        for metric, count in post.approximate.items()
    }
    if post.time_range is not None:
        moment = post.time_range
        known["time"] = {"low": _iso(moment.earliest), "high": _iso(moment.latest), "text": moment.text}
    return known


def _iso(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
