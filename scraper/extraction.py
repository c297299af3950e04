"""From the strings of a reading, and the JSON that came with it, to posts. Pure: the same in, the same out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache

from scraper.definition import Definition
from scraper.item import Face, Item, Page
from scraper.post import Post
from scraper.reader import RawItem, Reading
from scraper.records import RecordBook
from scraper.thread import Thread


@dataclass(frozen=True, slots=True)
class Extraction:
    """The posts of a page, and for each element that could not be read as one, why."""

    posts: tuple[Post, ...]
    unfit: tuple[str, ...] = ()
    promoted_without_id: int = 0


def extract(
    definition: Definition, reading: Reading, records: RecordBook | None = None, *, read_at: datetime | None = None
) -> Extraction:
    """The posts in `reading`, each id once, in the order of the page; then those that only `records` hold.

    `read_at` is when the page was read, None where nobody knows: then "2 hours ago" is unknown.
    """
    page = Page(definition, reading, records or RecordBook(definition), read_at)
    posts: dict[str, Post] = {}
    unfit: list[str] = []
    promoted_without_id = 0
    thread = Thread()
    ids: list[str | None] = []
    faces = _faces_of(definition)
    for item in (*reading.items, *_only_in_records(definition, page.records)):
        if item.kind >= len(faces):
            ids.append(None)
            continue
        kind = faces[item.kind].kind
        read = Item(page, faces[item.kind], item)
        missing = read.missing()
        ids.append(read.id if item.single and not missing else None)
        if not item.single:
            unfit.append(f"{kind.name} that holds another one, not set apart")
            thread.lose_track()
        elif not missing:
            post = read.post()
            if kind.tree:
                post = thread.place(post, read.string("thread"))
            elif kind.branch is not None:
                post = _on_its_branch(post, item, ids, read.string("thread"))
            posts.setdefault(post.id, post)
        elif read.flag("promoted"):
            promoted_without_id += 1
        else:
            unfit.append(f"{kind.name} without {', '.join(missing)}")
            thread.lose_track()
    return Extraction(tuple(posts.values()), tuple(unfit), promoted_without_id)


@lru_cache(maxsize=64)
def _faces_of(definition: Definition) -> tuple[Face, ...]:
    return tuple(Face.of(layout, kind) for layout, kind in definition.kinds)


def _on_its_branch(post: Post, item: RawItem, ids: Sequence[str | None], root: str | None) -> Post:
    parent = post.parent
    if parent is None and item.depth is not None:
        parent = root if item.depth == 0 else ids[item.above] if item.above is not None else None
    return replace(post, parent=parent, depth=item.depth if post.depth is None else post.depth)


def _only_in_records(definition: Definition, records: RecordBook) -> Iterator[RawItem]:
    """The posts of the kinds that are no elements."""
    for index, (_, kind) in enumerate(definition.kinds):
        if kind.css is None:
            nothing = (None,) * len(kind.places)
            for post_id in records.ids(index):
                yield RawItem(kind=index, values=nothing, single=True, quoted=None, record_id=post_id)
