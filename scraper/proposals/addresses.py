"""The parts of addresses, and the ways to see an address as that of a post."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

ACTIONS: Final = frozenset({
    "vote", "upvote", "downvote", "hide", "reply", "login", "signin", "signup", "register", "share", "flag", "report",
    "edit", "delete", "remove", "save", "favorite", "favourite", "bookmark", "like", "follow", "intent", "goto",
    "embed", "print", "subscribe", "logout", "auth", "block", "mute", "tag", "tags", "category", "search", "hashtag",
    "topics", "likes", "retweets", "quotes", "reposts", "analytics", "photo", "video", "media", "history", "domains",
})  # fmt: skip
"""What addresses say that do something with a post, or are of many."""
PEOPLE: Final = frozenset({
    "user", "users", "u", "profile", "profiles", "author", "authors", "member", "members", "people", "person", "by",
    "account",
})  # fmt: skip
PLACES: Final = frozenset({
    "status", "statuses", "post", "posts", "comment", "comments", "item", "items", "t", "topic", "p", "s", "r", "d",
    "c", "n", "question", "questions", "discussion", "discussions", "watch", "thread", "threads", "story", "stories",
    "article", "articles", "news", "blog", "notes", "note", "videos", "link", "links", "entry", "entries", "message",
    "messages", "forum", "viewtopic", "showthread", "permalink", "a", "q", "i", "index",
})  # fmt: skip
"""What stands before the id of a post, on any site."""
ID: Final = "\0id"
WILD: Final = "\0wild"
"""In a shape: the part that is the id, and one that may be anything."""
_LONG_NAME = 20

_FRAGMENT = re.compile(r"([A-Za-z]+[_-]|[A-Za-z]+(?=\d))([A-Za-z0-9]+)")
_TOKEN = re.compile(r"[A-Za-z0-9_-]{4,24}")


@dataclass(frozen=True, slots=True)
class Part:
    """A part of an address: what goes before it ("/", "?id=", "#c_"), and what it is."""

    lead: str
    value: str

    @property
    def is_fixed(self) -> bool:
        """Whether it is the same in all addresses of a shape."""
        return self.value not in {ID, WILD}

    def pattern(self) -> str:
        """A pattern for it."""
        return lead_pattern(self.lead) + (_literal(self.value) if self.is_fixed else "[^/?#]+")


@dataclass(frozen=True, slots=True)
class Shape:
    """A kind of address: its parts up to the id, which is the last; `charset` is a pattern for ids.

    `after` says what of the parts behind it was the same in all, `extras` how many of the query are left out, and
    `is_cut` that the id is not the whole of its part.
    """

    parts: tuple[Part, ...]
    charset: str
    after: tuple[Part, ...] = ()
    extras: int = 0
    is_cut: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """An address seen in a shape: the id, the one other part before it that may be anything, all from there on."""

    shape: Shape
    post_id: str
    wild: str = ""
    joint: str = ""


def parts_of(address: str) -> tuple[Part, ...]:
    """The parts of a path with its query and fragment."""
    path, _, fragment = address.partition("#")
    path, _, query = path.partition("?")
    parts = [Part("/", one) for one in path.split("/") if one]
    pairs = [pair.partition("=") for pair in query.split("&") if "=" in pair]
    parts += [Part(f"?{key}=", value) for key, _, value in pairs]
    return (*parts, *([Part("#", fragment)] if fragment else []))


def usual_in(addresses: Sequence[Iterable[tuple[Part, ...]]]) -> frozenset[tuple[int, str]]:
    """What stands at the same place of addresses in half of the posts or more."""
    times: Counter[tuple[int, str]] = Counter()
    for own in addresses:
        times.update({(place, part.value) for parts in own for place, part in enumerate(parts)})
    return frozenset(known for known, count in times.items() if count * 2 >= len(addresses) and count > 1)


def ways_to_see(parts: tuple[Part, ...], usual: frozenset[tuple[int, str]], here: frozenset[str]) -> Iterator[Seen]:
    """Each way to see an address as that of a post. `here` are the parts of the page's own address."""
    shown = [_shown(part, is_usual=(place, part.value) in usual, here=here) for place, part in enumerate(parts)]
    for at, part in enumerate(parts):
        found = _id_in(part)
        if found is None:
            continue
        lead, charset, post_id = found
        is_cut = post_id != part.value and part.lead != "#"
        own = Part(lead, ID)
        if part.lead == "#":
            # What is before the fragment is the page that it is on, whichever that is.
            yield Seen(Shape((own,), charset), post_id)
            continue
        before = [one for one in shown[:at] if one.lead == "/"]
        after = [one for one in shown[at + 1 :] if one.lead == "/"]
        extras = len(parts) - len(before) - len(after) - 1
        wilds = [place for place, one in enumerate(before) if not one.is_fixed]
        start = wilds[0] if wilds else len(before)
        path = [*parts[: len(before)], Part(lead, post_id)]
        joint = "".join((one.lead if place else "") + one.value for place, one in enumerate(path[start:]))
        yield Seen(
            Shape((*before, own), charset, tuple(after), extras, is_cut),
            post_id,
            path[wilds[0]].value if len(wilds) == 1 else "",
            joint,
        )


def _shown(part: Part, *, is_usual: bool, here: frozenset[str]) -> Part:
    """A part as it stands in a shape: as it is, if it is the same for all posts, also for those that are not here."""
    value = part.value
    # What is in the address of this page, too, may be whose page it is. A long name is that of one thread.
    is_common = is_usual and value not in here and len(value) <= _LONG_NAME and value.count("_") < 2
    is_fixed = value[:1] not in "@~" and (value in PLACES | PEOPLE or is_common)
    return part if is_fixed else Part(part.lead, WILD)


def _id_in(part: Part) -> tuple[str, str, str] | None:
    """What of a part of an address may be an id: what goes before it, its characters, the id."""
    value = part.value
    if value[:1] in "@~" or set(value) & set("%{}") or value in PLACES | ACTIONS:
        return None
    if part.lead == "#":
        found = _FRAGMENT.fullmatch(value)
        return (f"#{found[1]}", "[A-Za-z0-9]+", found[2]) if found else None
    number = re.fullmatch(r"(\d{2,})(?:[-_.]\D.*)?", value)
    if number:
        return part.lead, r"\d+", number[1]
    if _TOKEN.fullmatch(value):
        return part.lead, "[A-Za-z0-9_-]+", value
    return (part.lead, "[^/?#]+", value) if part.lead == "/" else None


def looks_like_id(values: Sequence[str]) -> float:
    """How much values look like ids, from 0 to 2."""
    if all(value.isdigit() for value in values):
        return 2.0
    if all(_TOKEN.fullmatch(value) for value in values):
        with_digit = sum(any(character.isdigit() for character in value) for value in values) / len(values)
        return 1.5 * with_digit + 0.3
    return 0.8 * sum("-" in value and len(value) > 12 for value in values) / len(values)


def lead_pattern(lead: str) -> str:
    """A pattern for what goes before a part."""
    return f"[?&]{re.escape(lead[1:])}" if lead.startswith("?") else _literal(lead)


def _literal(text: str) -> str:
    return re.sub(r"\\([-#/=])", r"\1", re.escape(text))
