"""What is read: four kinds of pages of the demo site, and what is true of them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.task import Address, Record, Task
from browser_pool import find_chromium
from tidegate.demo import DemoSite, Post
from tidegate.demo.pages import timestamp

SEED: Final = 7
POSTS: Final = 100
FEED_LIMIT: Final = 60
LEAK_MB: Final = 4
"""What each visit of a leaky page leaves in the heap of its page, and again in a service worker, which stays."""

WORKERS: Final = 2
PAGE_SECONDS: Final = 30.0
UNWANTED: Final = ("*/images/*", "*/client/app.css*", "*/tracker/*")
_SCRIPT: Final = (Path(__file__).parent / "read.js").read_text("utf-8")


@dataclass(frozen=True, slots=True)
class Workload:
    """One kind of pages. `pages` is how many a run reads unless told otherwise."""

    name: str
    title: str
    pages: int
    path: Callable[[Post], str]
    limit: int | None = None

    def task(self, site: DemoSite, pages: int) -> Task:
        """The task for so many pages: those of the site, over and over."""
        over_and_over = itertools.islice(itertools.cycle(site.world.posts), pages)
        addresses = tuple(
            Address(index, f"{site.url}{self.path(post)}", None if self.limit else post.id)
            for index, post in enumerate(over_and_over)
        )
        return Task(
            executable=str(find_chromium().executable),
            addresses=addresses,
            limit=self.limit,
            workers=WORKERS,
            page_seconds=PAGE_SECONDS,
            wait_and_read=script("collect" if self.limit else "waitAndReadPost"),
            unwanted=UNWANTED,
        )

    def is_right(self, site: DemoSite, address: Address, posts: Sequence[Record]) -> bool:
        """Whether what was read at `address` is all that was wanted, and true."""
        if self.limit is None:
            return len(posts) == 1 and posts[0].get("id") == address.post_id and _is_true(site, posts[0])
        ids = {post.get("id") for post in posts}
        return len(ids) == len(posts) == self.limit and all(_is_true(site, post) for post in posts)


WORKLOADS: Final = (
    Workload("heavy", "a heavy application", 100, lambda post: post.path),
    Workload("light", "a light page, rendered by the server", 100, lambda post: f"/light{post.path}"),
    Workload("feed", f"an infinite feed, {FEED_LIMIT} posts of it", 30, lambda _: "/", FEED_LIMIT),
    Workload(
        "leaky",
        f"a heavy page that leaks {LEAK_MB} MB a visit into a service worker",
        60,
        lambda post: f"{post.path}?trouble=leaky:{LEAK_MB}",
    ),
)


def by_name(name: str) -> Workload:
    """The workload of this name. Raises `KeyError`."""
    return {workload.name: workload for workload in WORKLOADS}[name]


def script(name: str) -> str:
    """A function of `read.js` as one expression that needs nothing else."""
    return f"(argument) => {{\n{_SCRIPT}\nreturn {name}(argument);\n}}"


def _is_true(site: DemoSite, record: Record) -> bool:
    try:
        post = site.world.post(str(record.get("id")))
    except KeyError:
        return False
    metrics = post.metrics
    truth = {
        "author": post.author.handle,
        "text": " ".join(post.text.split()),
        "time": timestamp(post.created_at),
        "replies": metrics.replies,
        "reposts": metrics.reposts,
        "likes": metrics.likes,
        "bookmarks": metrics.bookmarks,
        "views": metrics.views,
    }
    said = {**record, "text": " ".join(str(record.get("text")).split())}
    return all(said.get(name) == value for name, value in truth.items())
