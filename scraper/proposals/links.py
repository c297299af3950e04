"""Which of the links in posts is the post's own address, and what in it is the id: found by comparing posts.

In a post's own address everything is as in all the others, except for what says which post it is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from scraper.proposals.addresses import (
    ACTIONS,
    PEOPLE,
    PLACES,
    WILD,
    Part,
    Seen,
    Shape,
    lead_pattern,
    looks_like_id,
    parts_of,
    usual_in,
    ways_to_see,
)
from scraper.proposals.page import Element, Tree
from scraper.proposals.words import tokens

T = TypeVar("T")
_LEAST_DISTINCT = 0.9


@dataclass(frozen=True, slots=True)
class Permalink:
    """What the addresses of posts have in common.

    `post_id` is the pattern for the path of an address, `pattern` that for the links as they are written, `template`
    the address of a post by its id. By post: its id, its link. `wild` is what else differs from post to post before
    the id, by post; then that stands in the template as `{author}`, or belongs to the id, as in `joint`.
    """

    post_id: str
    pattern: str
    template: str
    ids: tuple[str | None, ...]
    links: tuple[Element | None, ...]
    wild: tuple[str | None, ...] | None = None
    joint: Permalink | None = None
    is_shortened: bool = False
    score: float = 0.0

    @property
    def covered(self) -> int:
        """In how many posts there is one."""
        return sum(one is not None for one in self.ids)


@dataclass(slots=True)
class _Found:
    """What was found of a shape, by post."""

    seen: dict[int, Seen] = field(default_factory=dict)
    links: dict[int, Element] = field(default_factory=dict)
    ambiguous: set[int] = field(default_factory=set)

    def note(self, post: int, link: Element, seen: Seen) -> None:
        if self.seen.setdefault(post, seen).post_id != seen.post_id:
            self.ambiguous.add(post)
        # Of several links to the same place the one around the time says most plainly what it is.
        elif post not in self.links or _evidence(link) > _evidence(self.links[post]):
            self.links[post] = link


def permalink_of(tree: Tree, links: Sequence[Sequence[Element]]) -> Permalink | None:
    """The permalink of posts that have these `links`, by post; None where they have none."""
    addresses = [
        [(parts_of(address), link) for link in own if (address := tree.address(link.attributes.get("href", "")))]
        for own in links
    ]
    page = parts_of(tree.address(tree.url) or "/")
    if len(addresses) == 1:
        # With nothing to compare, the page's own address tells which it is.
        alone = tuple(part for part in page if part.lead != "#")
        addresses = [[(parts, link) for parts, link in addresses[0] if parts == alone]]
    usual = usual_in([[parts for parts, _ in own] for own in addresses])
    here = frozenset(part.value for part in page)
    found: defaultdict[Shape, _Found] = defaultdict(_Found)
    for post, own in enumerate(addresses):
        for parts, link in own:
            for seen in ways_to_see(parts, usual, here):
                found[seen.shape].note(post, link, seen)
    likely = [(_score(shape, one, len(links)), shape, one) for shape, one in found.items()]
    best = max((one for one in likely if one[0] is not None), key=lambda one: one[0] or 0, default=None)
    return _permalink(best[1], best[2], len(links), best[0] or 0) if best else None


def _score(shape: Shape, found: _Found, posts: int) -> float | None:
    """How likely this is the address of posts; None where it can't be."""
    ids = [seen.post_id for seen in found.seen.values()]
    if len(set(ids)) < _LEAST_DISTINCT * len(ids) or len(found.ambiguous) == len(ids) or (posts > 1 and len(ids) < 2):
        return None
    *before, own = shape.parts
    if before and before[-1].value in PEOPLE:
        return None
    fixed = [part for part in (*before, *shape.after) if part.is_fixed]
    said = {word for part in (*fixed, Part("", own.lead)) for word in tokens(part.value)}
    wilds = sum(not part.is_fixed for part in before)
    score = 10 * (len(ids) - len(found.ambiguous) / 2) / posts + looks_like_id(ids)
    score += 2 * sum(_evidence(link) for link in found.links.values()) / len(found.links)
    score -= 4 * bool(said & ACTIONS)
    score -= 2 * (not fixed and own.lead == "/")
    score -= 1.5 * (own.lead.startswith("?") and not said & PLACES)
    score -= shape.extras + 0.3 * wilds + 0.7 * max(wilds - 1, 0)
    return score - 1.5 * sum(part.is_fixed for part in shape.after) - 0.3 * len(shape.after)


def _evidence(link: Element) -> float:
    """How plainly a link says that it is a permalink, from 0 to 1.5."""
    parent = link.parent
    words = {word for one in (link, parent) if one is not None for name in one.classes for word in tokens(name)}
    if "bookmark" in link.attributes.get("rel", "") or link.attributes.get("itemprop") == "url":
        return 1.5
    if any(one.tag == "time" for one in link.inside()) or (parent is not None and parent.tag == "time"):
        return 1.5
    text = link.text().strip()
    if words & {"age", "time", "date", "timestamp", "permalink"} or text.lower() in {"link", "permalink", "#"}:
        return 1.2
    if (parent is not None and parent.tag in {"h1", "h2", "h3"}) or "title" in words:
        return 0.7
    return 0.5 if len(text) > 20 else 0.2 if text else 0.0


def _permalink(shape: Shape, found: _Found, posts: int, score: float) -> Permalink:
    *before, own = shape.parts
    captured = f"{lead_pattern(own.lead)}({shape.charset})"
    wilds = [place for place, part in enumerate(before) if not part.is_fixed]
    root = "/" if own.lead.startswith("?") and not before else ""
    path = "".join(part.lead + ("{author}" if part.value == WILD else _braced(part.value)) for part in before)
    head = "".join(part.pattern() for part in before)
    # A link is written from anywhere, so its pattern begins behind the last part that may be anything.
    near = "".join(part.pattern() for part in before[wilds[-1] + 1 :]) if wilds else head
    if own.lead.startswith("#"):
        post_id = pattern = captured
    else:
        post_id = f"^{head}{root}{captured}"
        pattern = (
            f"{near}{captured}" if wilds and near else f"[^/?#]+{captured}" if wilds else _from_anywhere(post_id)
        )
    links = _by_post(found.links, posts)
    is_shortened = shape.is_cut or bool(shape.after)
    joint = None
    if wilds:
        start = "".join(part.pattern() for part in before[: wilds[0]])
        inner = "".join(part.pattern() for part in before[wilds[0] :]).removeprefix("/")
        whole = f"{start}/({inner}{lead_pattern(own.lead)}{shape.charset})"
        joint = Permalink(
            f"^{whole}",
            whole,
            "".join(part.lead + _braced(part.value) for part in before[: wilds[0]]) + "/{id}",
            _by_post({post: seen.joint for post, seen in found.seen.items()}, posts),
            links,
            is_shortened=is_shortened,
            score=score,
        )
    return Permalink(
        post_id,
        pattern,
        f"{path}{root}{own.lead}{{id}}",
        _by_post({post: seen.post_id for post, seen in found.seen.items()}, posts),
        links,
        wild=_by_post({post: seen.wild for post, seen in found.seen.items()}, posts) if wilds else None,
        joint=joint,
        is_shortened=is_shortened,
        score=score,
    )


def _from_anywhere(post_id: str) -> str:
    """The pattern for a path, for a link that may be written from a folder, or with a host."""
    return f"(?:^|/){post_id.removeprefix('^/')}"


def _braced(text: str) -> str:
    """A text in a template, in which braces stand for what is filled in."""
    return text.replace("{", "{{").replace("}", "}}")


def _by_post(found: Mapping[int, T], posts: int) -> tuple[T | None, ...]:
    return tuple(found.get(post) for post in range(posts))
