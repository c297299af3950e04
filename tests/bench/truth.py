"""What an entrant would tell of a post that it read rightly."""

from __future__ import annotations

from bench.task import Record
from tidegate.demo import DemoSite

COUNTS = ("replies", "reposts", "likes", "bookmarks", "views")


def record_of(site: DemoSite, place: int) -> Record:
    """The post at this place of the site's world."""
    post = site.world.posts[place]
    return {
        "id": post.id,
        "author": post.author.handle,
        "text": post.text,
        "time": f"{post.created_at:%Y-%m-%dT%H:%M:%SZ}",
        **{name: getattr(post.metrics, name) for name in COUNTS},
    }
