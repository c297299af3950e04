"""From the strings of a reading, and the JSON that came with it, to posts. Pure: the same in, the same out."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Any, TypeVar

from scraper.definition import Definition, are_aliases
from scraper.face import Face, Page
from scraper.item import Item, could_be_one
from scraper.post import METRICS, Post
from scraper.reader import RawItem, Reading
from scraper.records import RecordBook
from scraper.thread import Thread
from scraper.values.counts import Count, Range
from scraper.values.times import Moment

T = TypeVar("T")


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

    Where the page has a post twice, the first is taken, without what the second contradicts.
    `read_at` is when the page was read, None where nobody knows: then "2 hours ago" is unknown.
    """
    steps = extracting(definition, reading, records, read_at=read_at)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: Extraction = end.value
            return found


def extracting(
    definition: Definition, reading: Reading, records: RecordBook | None = None, *, read_at: datetime | None = None
) -> Generator[None, None, Extraction]:
    """The same, a post a step, for whoever has others to serve meanwhile: a page can hold thousands."""
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
        yield
        kind = faces[item.kind].kind
        if item.gap:
            ids.append(None)
            thread.lose_track()
            continue
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
            if _is_known_by_another_address(page, item, posts):
                continue
            known = posts.get(post.id)
            posts[post.id] = post if known is None else without_contradictions(known, post)
        elif read.flag("promoted"):
            promoted_without_id += 1
        else:
            unfit.append(f"{kind.name} without {', '.join(missing)}")
            thread.lose_track()
    return Extraction(tuple(posts.values()), tuple(unfit), promoted_without_id)


def _is_known_by_another_address(page: Page, item: RawItem, posts: Mapping[str, Post]) -> bool:
    """Whether the one record of a kind that is no element is of the one post that is there already."""
    if page.definition.post_id is not None or item.record_id is None or len(posts) != 1:
        return False
    [known] = posts
    is_only = len(page.records.ids(item.kind)) == 1
    return is_only and known != item.record_id and are_aliases(known, item.record_id)


def under_asked_address(definition: Definition, extraction: Extraction, asked: str | None) -> Extraction:
    """`extraction`, in which the one post of a page bears the address that was asked for, if that is one of its."""
    if definition.post_id is not None or asked is None or len(extraction.posts) != 1:
        return extraction
    [post] = extraction.posts
    if post.id == asked or not are_aliases(post.id, asked):
        return extraction
    return replace(extraction, posts=(replace(post, id=asked),))


@lru_cache(maxsize=64)
def _faces_of(definition: Definition) -> tuple[Face, ...]:
    return tuple(Face.of(layout, kind) for layout, kind in definition.kinds)


def without_contradictions(post: Post, again: Post) -> Post:
    """`post` without the counts, the author and the time that `again`, the same post elsewhere on the page, denies.

    What only one of them has contradicts nothing, and nothing is taken from `again`: a post is read from one place.
    Nor does a post of another kind say anything here, whose counts may be of other things.
    """
    if post.kind != again.kind:
        return post
    denied: dict[str, str] = {}
    between: dict[str, Range] = {}
    for metric in METRICS:
        one, other = _count_of(post, metric), _count_of(again, metric)
        if one is not None and other is not None and not one.agrees(other):
            denied[metric] = f"{_shown(one)} and {_shown(other)}"
            both = one.between(other)
            if both is not None and both.range is not None:
                between[metric] = both.range
    if post.author and again.author and post.author.casefold() != again.author.casefold():
        denied["author"] = f"{post.author[:40]!r} and {again.author[:40]!r}"
    one_time, other_time = _moment_of(post), _moment_of(again)
    if one_time and other_time and not could_be_one(one_time, other_time):
        denied["time"] = f"{one_time.text!r} and {other_time.text!r}"
    if not denied:
        return post
    unknown: dict[str, Any] = dict.fromkeys(denied)
    return replace(
        post,
        **unknown,
        time_range=None if "time" in denied else post.time_range,
        # An address may have the author in it.
        url=None if "author" in denied and post.author and post.author in (post.url or "") else post.url,
        approximate=MappingProxyType({**_without(post.approximate, denied), **between}),
        sources=_without(post.sources, denied.keys() - between.keys()),
        warnings=(
            *post.warnings,
            *(f"{name}: the page says both {both} for this post" for name, both in denied.items()),
        ),
    )


def _without(found: Mapping[str, T], names: Iterable[str]) -> Mapping[str, T]:
    left_out = set(names)
    return MappingProxyType({name: value for name, value in found.items() if name not in left_out})


def _count_of(post: Post, metric: str) -> Count | None:
    exact, known = post.metric(metric), post.approximate.get(metric)
    return Count(exact=exact, range=known) if exact is not None or known else None


def _shown(count: Count) -> str:
    return str(count.exact) if count.range is None else repr(count.range.text)


def _moment_of(post: Post) -> Moment | None:
    if post.time is None:
        return post.time_range
    return Moment(post.time, post.time, post.time.isoformat())


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
