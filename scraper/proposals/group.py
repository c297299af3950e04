"""Elements that may all be posts, and the places in them, compared: what a selector finds in each of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from scraper.proposals.page import Element, Tree
from scraper.proposals.selectors import ITEM_TAGS, PLAIN, Name, first_matches, names_of, own_elements, weight

SAMPLE = 40
"""So many of the posts are compared."""
_NO_POSTS = frozenset({"a", "body", "html", "head", "time", "nav", "button", "meta", "link", "img", "svg", "p", "h1"})
_ROWS = frozenset({"tr", "dt"})


@dataclass(frozen=True, slots=True)
class Spot:
    """One place in the posts: its best selector, and what that finds in each."""

    css: str
    trust: int
    start: str
    elements: tuple[Element | None, ...]

    def values(self, attribute: str | None) -> tuple[str | None, ...]:
        """What stands there: in an attribute, or as text."""
        return tuple(
            None if one is None else one.text() if attribute is None else one.attributes.get(attribute)
            for one in self.elements
        )

    def attributes(self) -> tuple[str, ...]:
        """The attributes that any of the elements have."""
        return tuple(dict.fromkeys(key for one in self.elements if one is not None for key in one.attributes))

    @property
    def cost(self) -> float:
        """How little the selector is to be trusted, and how long it is."""
        spaces, length = weight(self.css)
        return 0.1 * self.trust + 0.05 * spaces + 0.002 * length

    def source(self, **said: object) -> dict[str, object]:
        """A source of a definition for what is here."""
        start = {} if self.start == "item" else {"start": self.start}
        return {**start, "css": self.css, **said}


@dataclass(frozen=True, slots=True)
class Choice:
    """What is proposed for a field: its sources, the share of posts that seem to have it, what else is to be said."""

    sources: tuple[dict[str, object], ...]
    share: float
    notes: tuple[str, ...] = ()
    spot: Spot | None = None


class Group:
    """Elements that one selector finds, each without those of them that are in it."""

    def __init__(self, tree: Tree, name: Name, elements: Sequence[Element]) -> None:
        self.tree = tree
        self.name = name
        self.elements = tuple(elements)
        self.items = self.elements[:SAMPLE]
        self.others = frozenset(one.place for one in elements)
        self.quoted = quoted_in(self)
        if self.quoted is not None:
            self.others |= self.quoted.places
        self._names: dict[int, tuple[Name, ...]] = {}

    def also(self, spots: Iterable[Spot]) -> None:
        """Look at `spots`, too."""
        self.spots = (*self.spots, *spots)

    def __len__(self) -> int:
        """How many there are."""
        return len(self.elements)

    @cached_property
    def nexts(self) -> tuple[Element | None, ...]:
        """What comes after each, if posts are in pairs of rows; else nothing."""
        after = tuple(item.next for item in self.items)
        pairs = [
            one is not None and one.place not in self.others and one.tag in {"tr", "dd"} and bool(one.children)
            for one in after
        ]
        are_rows = all(item.tag in _ROWS for item in self.items) and sum(pairs) * 10 >= len(pairs) * 9
        return tuple(one if is_pair else None for one, is_pair in zip(after, pairs, strict=True)) if are_rows else ()

    def own(self, item: int, where: Callable[[Element], bool]) -> Iterator[Element]:
        """The elements of a post of which something is true, and those of the row after it."""
        roots = [self.items[item], *([after] if self.nexts and (after := self.nexts[item]) is not None else [])]
        for root in roots:
            yield from (one for one in own_elements(root, self.others - {root.place}) if where(one))

    def links(self) -> list[list[Element]]:
        """The links in each post; one that is itself a link is one of them."""
        return [
            list(self.own(item, lambda one: one.tag == "a" and "href" in one.attributes))
            for item in range(len(self.items))
        ]

    @cached_property
    def spots(self) -> tuple[Spot, ...]:
        """All places that any selector finds, each by its best selector."""
        return (*self._spots("item", self.items), *(self._spots("next", self.nexts) if self.nexts else ()))

    def _spots(self, start: str, roots: Sequence[Element | None]) -> list[Spot]:
        found: defaultdict[str, list[Element | None]] = defaultdict(lambda: [None] * len(roots))
        trust: dict[str, int] = {}
        for place, root in enumerate(roots):
            if root is None:
                continue
            for css, (element, trusted) in first_matches(root, self.others, cached=self._names).items():
                found[css][place] = element
                trust[css] = max(trust.get(css, 0), trusted)
        best: dict[tuple[int, ...], Spot] = {}
        for css, elements in found.items():
            key = tuple(-1 if one is None else one.place for one in elements)
            spot = Spot(css, trust[css], start, tuple(elements))
            if key not in best or spot.cost < best[key].cost:
                best[key] = spot
        return list(best.values())


@dataclass(frozen=True, slots=True)
class QuotedPosts:
    """The posts in posts: the selector that finds them, and where they are."""

    css: str
    places: frozenset[int]


def quoted_in(group: Group) -> QuotedPosts | None:
    """What in posts is another post that is shown there: it has a time of its own, and something that it says."""
    found: defaultdict[str, list[Element]] = defaultdict(list)
    outer: list[Element] = []
    for item in group.items:
        own = list(own_elements(item, group.others - {item.place}))
        times = [one for one in own if one.tag == "time"]
        outer += times[:1]
        boxes = {box.place: box for one in times[1:] if (box := _apart(one, times[0], item)) is not None}
        if len(boxes) > 1:
            # Answers below a post are many, and none of them is quoted.
            return None
        for box in boxes.values():
            for inner in (box, *box.inside()):
                if inner.holds(times[1]):
                    for name in names_of(inner):
                        found[name.css].append(inner)
    for css, boxes_of in found.items():
        everywhere = [
            one
            for item in group.items
            for one in own_elements(item, group.others - {item.place})
            if any(name.css == css for name in names_of(one))
        ]
        if not any(one.holds(time) or time.holds(one) for one in everywhere for time in outer):
            places = frozenset(one.place for one in everywhere)
            if len(places) == len({one.place for one in boxes_of}):
                return QuotedPosts(css, places)
    return None


def _apart(time: Element, first: Element, item: Element) -> Element | None:
    """What holds a time, and much besides, and not the first time of the post."""
    box = None
    for above in time.ancestors():
        if above is item or above.holds(first):
            break
        box = above
    return box if box is not None and len(box.text()) >= 40 and box.end - box.place > 5 else None


def groups_of(tree: Tree, most: int = 60) -> list[Group]:
    """The elements that share a name and may be posts: each has a link in it. The likeliest first."""
    with_link = _holding(tree, lambda one: one.tag == "a" and "href" in one.attributes)
    with_time = _holding(tree, lambda one: one.tag == "time" or "datetime" in one.attributes)
    found: defaultdict[Name, list[Element]] = defaultdict(list)
    for element in tree.elements:
        for name in names_of(element):
            if name.trust < PLAIN or element.tag in ITEM_TAGS:
                found[name].append(element)
    best: dict[tuple[int, ...], Name] = {}
    for name, elements in found.items():
        key = tuple(one.place for one in elements)
        if len(key) <= 3000 and (
            key not in best or (name.trust, len(name.css)) < (best[key].trust, len(best[key].css))
        ):
            best[key] = name
    groups = [
        Group(tree, name, found[name])
        for name in best.values()
        if all(one.tag not in _NO_POSTS for one in found[name])
        and sum(one.place in with_link for one in found[name]) * 2 >= len(found[name])
    ]

    def likely(group: Group) -> float:
        timed = sum(one.place in with_time for one in group.elements) / len(group)
        return min(len(group), 30) * (1 + timed) / (1 + 0.1 * group.name.trust)

    return sorted(groups, key=likely, reverse=True)[:most]


def _holding(tree: Tree, where: Callable[[Element], bool]) -> set[int]:
    """The places of all elements that hold, or are, one of which something is true."""
    found: set[int] = set()
    for element in tree.elements:
        if where(element):
            for above in (element, *element.ancestors()):
                if above.place in found:
                    break
                found.add(above.place)
    return found
