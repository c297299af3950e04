"""Where in posts the other fields are: the time, who wrote it, what it says."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from statistics import median
from typing import Final, TypeAlias

from scraper.proposals.group import Choice, Group, Spot
from scraper.proposals.links import Permalink
from scraper.proposals.page import Element
from scraper.proposals.words import has_one_number, metric_in, tokens
from scraper.values.times import Moment, read_moment

_PEOPLE = re.compile(
    r"(?:"
    r"(?:^|/)(?:users?|u|profiles?|authors?|members?|people|person|by|accounts?)/([\w.%-]+)/?$"
    r"|(?:^|/)(?:users?|profile|member)(?:\.php)?\?(?:id|user|name|u)=([\w.%-]+)$"
    r"|(?:^|/)[@~]([\w.-]+)/?$"
    r")"
)
_LEADS: Final = (
    ("@", r"/@([\w.-]+)/?$"),
    ("~", r"/~([\w.-]+)/?$"),
)
_ALONE = re.compile(r"^(?:https?://[^/]+)?/([\w.-]+)/?$")
_HANDLE = re.compile(r"^@?[\w.-]{2,40}$")
_AUTHOR_WORDS = frozenset(
    ["author", "user", "username", "byline", "creator", "poster", "handle", "nickname", "fullname", "profile"]
)
_TEXT_WORDS = frozenset(
    ["text", "body", "content", "message", "comment", "description", "markdown", "md", "prose", "excerpt", "summary"]
)
_TITLE_WORDS = frozenset(["title", "headline", "subject", "heading"])
_EPOCHS = ((re.compile(r"(?:^|\s)([12]\d{9})$"), "epoch"), (re.compile(r"(?:^|\s)([12]\d{12})$"), "epoch_ms"))
_TIME_KEYS = re.compile(r"time|date|unix|epoch|stamp|created|posted|^title$|^datetime$|^content$|^aria-label$")


_Timed: TypeAlias = tuple[float, Spot, dict[str, object], tuple[Moment | None, ...]]
"""A place of times: its rank, the place, its source, the time in each post."""


def time_of(group: Group, permalink: Permalink, *, now: datetime, language: str | None) -> Choice | None:
    """When posts were written."""
    found: list[_Timed] = []
    links = [link for link in permalink.links if link is not None]
    for spot in group.spots:
        keys = [key for key in spot.attributes() if _TIME_KEYS.search(key)]
        for attribute in (*keys, None):
            if attribute is None and any(one is not None and len(one.text()) > 60 for one in spot.elements):
                continue
            for said in _ways(spot.values(attribute)):
                moments = tuple(_moment(value, said, now, language) for value in spot.values(attribute))
                there = [one for one in moments if one is not None]
                if len(there) * 10 < len(moments) * 3:
                    continue
                exact = sum(one.exact is not None for one in there) / len(there)
                near = any(one is not None and any(_touch(one, link) for link in links) for one in spot.elements)
                share = len(there) / len(moments)
                rank = 4 * share + 2 * exact + 0.5 * near + 0.2 * (attribute is not None) - spot.cost
                rank -= 0.7 * ("modified" in spot.css.lower() or "edited" in spot.css.lower())
                source = spot.source(**({} if attribute is None else {"attribute": attribute}), **said)
                found.append((rank, spot, source, moments))
    if not found:
        return None
    found.sort(key=lambda one: -one[0])
    _, spot, source, moments = found[0]
    notes = _other_times(found)
    there = [one for one in moments if one is not None]
    if not all(one.exact for one in there):
        notes.append("not exact: an age or a date has bounds, and of a saved page nobody knows them")
    return Choice((source,), len(there) / len(moments), tuple(notes), spot)


def _other_times(found: Sequence[_Timed]) -> list[str]:
    """What another place, which most posts have, says instead of the first."""
    _, spot, _, moments = found[0]
    for _, other, said, others in found[1:]:
        if other is spot or sum(one is not None for one in others) * 2 < len(others):
            continue
        both = [(one.exact, two.exact) for one, two in zip(moments, others, strict=True) if one and two]
        against = sum(
            one is not None and two is not None and abs((one - two).total_seconds()) > 60 for one, two in both
        )
        if against:
            where = f"{said['css']}" + (f"@{said['attribute']}" if "attribute" in said else "")
            return [f"{where} says another time in {against} of {len(both)} posts"]
    return []


def link_of(title: Choice) -> Choice | None:
    """Where posts lead that are of something elsewhere: the link that the title is, or is in."""
    if title.spot is None:
        return None
    hrefs = [
        one.attributes.get("href") if one is not None and one.tag == "a" else None for one in title.spot.elements
    ]
    away = sum(bool(href) and "://" in str(href) for href in hrefs)
    if away * 10 < len(hrefs) * 3:
        return None
    return Choice((title.spot.source(attribute="href"),), _share(hrefs), (), title.spot)


def _touch(one: Element, link: Element) -> bool:
    return one.holds(link) or link.holds(one)


def _ways(values: Sequence[str | None]) -> Iterator[dict[str, object]]:
    """How values may have to be read to be times."""
    told = [value.strip() for value in values if value and value.strip()]
    if not told:
        return
    for pattern, form in _EPOCHS:
        if all(pattern.search(value) for value in told):
            yield {"pattern": pattern.pattern.removeprefix(r"(?:^|\s)"), "form": form}
            return
    if any(any(character.isdigit() for character in value) for value in told):
        yield {}


def _moment(value: str | None, said: dict[str, object], now: datetime, language: str | None) -> Moment | None:
    if not value or len(value.strip()) > 60:
        return None
    text = value.strip()
    if "pattern" in said:
        found = re.search(str(said["pattern"]), text)
        text = found[1] if found else ""
    elif text.isdigit():
        return None
    form = said.get("form")
    moment = read_moment(text, now=now, language=language, form=str(form) if form else None)
    if moment is None and not form:
        # The zone that is missing is for the person to say.
        moment = read_moment(text, now=now, language=language or "en")
    return moment


def author_of(group: Group, permalink: Permalink) -> tuple[Choice | None, Choice | None]:
    """Who wrote posts: the handle, and the name that is shown."""
    best: tuple[float, Spot, str, tuple[str | None, ...]] | None = None
    for spot in group.spots:
        for pattern in _patterns(spot, permalink):
            values = tuple(_taken(pattern, value) for value in spot.values("href"))
            there = [value for value in values if value]
            if len(there) * 10 < len(values) * 4:
                continue
            agrees = agreement(values, permalink.wild)
            hint = max((_author_hint(one) for one in spot.elements if one is not None), default=0.0)
            textual = sum(
                bool(one.text().strip()) and not _only_image(one) for one in spot.elements if one is not None
            )
            rank = 3 * len(there) / len(values) + hint + 2 * agrees + 0.6 * textual / len(there) - spot.cost
            # A link in what is said leads to somebody who is talked of.
            rank -= 2 * _in_text(spot)
            if best is None or rank > best[0]:
                best = rank, spot, pattern, values
    if best is None:
        return _named(group, None)
    _, spot, pattern, values = best
    handle = Choice((spot.source(attribute="href", pattern=pattern),), _share(values), (), spot)
    _, name = _named(group, spot)
    if name is not None and name.spot is not None:
        shown = [value.strip().lstrip("@~") if value else None for value in name.spot.values(None)]
        if all(one is None or two is None or one == two for one, two in zip(shown, values, strict=True)):
            name = None
    return handle, name


def _patterns(spot: Spot, permalink: Permalink) -> Iterator[str]:
    """Patterns for a handle in the addresses at a place."""
    hrefs = [value for value in spot.values("href") if value]
    if not hrefs or not all(one is None or one.tag == "a" for one in spot.elements):
        return
    kinds = Counter(_lead_of(value) for value in hrefs)
    kind, times = kinds.most_common(1)[0]
    if kind and times * 10 >= len(hrefs) * 7:
        yield kind
        return
    alone = [_ALONE.match(value) for value in hrefs]
    known = {value.casefold() for value in permalink.wild or () if value}
    fits = sum(bool(one) and (one[1].casefold() in known) for one in alone if one)
    is_marked = any(_author_hint(one) >= 1 for one in spot.elements if one is not None)
    if (fits * 10 >= len(hrefs) * 7) or (is_marked and all(alone)):
        yield r"/([\w.-]+)/?$"


def _lead_of(href: str) -> str:
    """The pattern for addresses such as this one, if it is that of a person."""
    found = _PEOPLE.search(href)
    if not found:
        return ""
    value = next(group for group in found.groups() if group is not None)
    lead = href[: len(href.rstrip("/")) - len(value)]
    known = next((pattern for mark, pattern in _LEADS if lead.endswith(f"/{mark}")), None)
    if known:
        return known
    last = re.search(r"([\w.]+(?:/|\?\w+=))$", lead)
    return rf"(?:^|/){re.escape(last[1]).replace(chr(92) + '/', '/')}([\w.%-]+)/?$" if last else ""


def _taken(pattern: str, value: str | None) -> str | None:
    found = re.search(pattern, value) if value else None
    return found[1] if found else None


def agreement(values: Sequence[str | None], wild: Sequence[str | None] | None) -> float:
    """In which share of posts a value is what differs in the permalink."""
    if wild is None:
        return 0.0
    both = [(one, two.lstrip("@~")) for one, two in zip(values, wild, strict=True) if one and two]
    return sum(one.casefold() == two.casefold() for one, two in both) / len(both) if both else 0.0


def _author_hint(element: Element) -> float:
    around = [element, *list(element.ancestors())[:2]]
    if "author" in element.attributes.get("rel", "").split() or any(
        one.attributes.get("itemprop") in {"author", "creator"} for one in around
    ):
        return 1.5
    words = {word for name in element.classes for word in (*tokens(name), name.lower())}
    words |= {
        word
        for one in [element, *list(element.ancestors())[:6]]
        for key in ("data-testid", "id", "slot")
        for word in tokens(one.attributes.get(key, ""))
        if key == "data-testid" or one is element
    }
    return 1.0 if words & _AUTHOR_WORDS else 0.0


def _only_image(element: Element) -> bool:
    return (
        any(one.tag == "img" for one in element.inside()) and not element.text(lambda one: one.tag == "img").strip()
    )


def _in_text(spot: Spot) -> bool:
    """Whether a place is among prose."""
    return any(
        one is not None
        and one.parent is not None
        and one.parent.tag == "p"
        and len(one.parent.text()) > 3 * len(one.text()) + 20
        for one in spot.elements
    )


def _named(group: Group, handle: Spot | None) -> tuple[Choice | None, Choice | None]:
    """What is shown of the author: as a handle, if there was none and it looks like one; as a name."""
    best: tuple[float, Spot, tuple[str | None, ...]] | None = None
    for spot in group.spots:
        hint = max((_author_hint(one) for one in spot.elements if one is not None), default=0.0)
        is_own = handle is not None and spot.elements == handle.elements
        if not hint and not is_own and spot.css != '[itemprop="name"]':
            continue
        values = tuple(None if one is None else one.text().strip() for one in spot.elements)
        there = [value for value in values if value]
        if any(
            one is not None and any(inner.tag in {"time", "p"} for inner in one.inside()) for one in spot.elements
        ):
            continue
        if len(there) * 2 < len(values) or any(len(value) > 60 or "\n" in value for value in there):
            continue
        rank = 3 * len(there) / len(values) + hint + 1.5 * is_own - spot.cost
        if best is None or rank > best[0]:
            best = rank, spot, values
    if best is None:
        return None, None
    _, spot, values = best
    choice = Choice((spot.source(),), _share(values), (), spot)
    is_handle = all(_HANDLE.match(value) for value in values if value)
    if handle is None and is_handle:
        return Choice((spot.source(pattern=r"@?([\w.-]+)\s*$"),), _share(values), (), spot), None
    return None, choice


def _share(values: Sequence[str | None]) -> float:
    return sum(bool(value) for value in values) / len(values)


def title_of(group: Group, taken: Sequence[Spot]) -> Choice | None:
    """What posts are called."""
    best: tuple[float, Spot] | None = None
    for spot in group.spots:
        texts = [None if one is None else " ".join(one.text().split()) for one in spot.elements]
        there = [text for text in texts if text]
        if len(there) * 10 < len(texts) * 6 or len(set(there)) * 10 < len(there) * 8:
            continue
        counts = sum(has_one_number(text) and metric_in([text]) is not None for text in there)
        hint = max((_title_hint(one) for one in spot.elements if one is not None), default=0.0) * (counts < 2)
        if not hint or any(_overlaps(spot, other) for other in taken):
            continue
        if not 8 <= median(len(text) for text in there) <= 200 or any(_holds_much(one) for one in spot.elements):
            continue
        is_link = all(one is None or one.tag == "a" for one in spot.elements)
        rank = 3 * len(there) / len(texts) + hint + 0.5 * is_link - spot.cost
        if best is None or rank > best[0]:
            best = rank, spot
    return Choice((best[1].source(),), _share(best[1].values(None)), (), best[1]) if best else None


def _title_hint(element: Element) -> float:
    around = [element, *list(element.ancestors())[:1]]
    if any(one.tag in {"h1", "h2", "h3"} or one.attributes.get("itemprop") == "headline" for one in around):
        return 1.5
    words = {word for one in around for name in one.classes for word in (*tokens(name), name.lower())}
    return 1.0 if words & _TITLE_WORDS or any(word.startswith("title") for word in words) else 0.0


def _holds_much(element: Element | None) -> bool:
    return element is not None and (
        len(element.text()) > 400 or any(one.tag in {"time", "p", "button"} for one in element.inside())
    )


def _overlaps(spot: Spot, other: Spot) -> bool:
    return any(
        one is not None and two is not None and _touch(one, two)
        for one, two in zip(spot.elements, other.elements, strict=True)
    )


def text_of(group: Group, taken: Sequence[Spot], title: Spot | None) -> Choice | None:
    """What posts say."""
    best: tuple[float, Spot, float] | None = None
    found: list[tuple[Spot, float, list[int]]] = []
    for spot in group.spots:
        if any(_overlaps(spot, other) for other in (*taken, *([title] if title else []))):
            continue
        lengths = [0 if one is None else len(one.text().strip()) for one in spot.elements]
        there = [length for length in lengths if length]
        if len(there) * 10 < len(lengths) * 3 or any(_is_control(one) for one in spot.elements):
            continue
        found.append((spot, float(median(there)), lengths))
    longest = max((sum(lengths) for _, _, lengths in found), default=0)
    for spot, usual, lengths in found:
        hint = max((_text_hint(one) for one in spot.elements if one is not None), default=0.0)
        if sum(lengths) * 10 < longest * 8 or (not hint and (usual < 12 or spot.trust >= 4)):
            continue
        share = sum(bool(length) for length in lengths) / len(lengths)
        # Of boxes in boxes the innermost that holds all of it has the least beside it.
        depth = max(sum(1 for _ in one.ancestors()) for one in spot.elements if one is not None)
        rank = 2 * share + hint + 0.5 * sum(lengths) / longest + 0.02 * depth - spot.cost
        if best is None or rank > best[0]:
            best = rank, spot, share
    return Choice((best[1].source(),), best[2], (), best[1]) if best else None


def _is_control(element: Element | None) -> bool:
    return element is not None and (
        element.tag in {"button", "time", "nav", "header", "footer", "form", "a", "h1", "h2", "h3"}
        or any(one.tag in {"button", "form", "time"} for one in element.inside())
    )


def _text_hint(element: Element) -> float:
    attributes = element.attributes
    if attributes.get("itemprop") in {"articleBody", "text", "description"}:
        return 1.5
    said = [
        *element.classes,
        *(key for key in attributes if key.startswith("data-")),
        attributes.get("data-testid", ""),
    ]
    words = {word for one in said for word in (*tokens(one), one.lower())}
    return 1.0 if words & _TEXT_WORDS or any(word.endswith("text") for word in words) else 0.0
