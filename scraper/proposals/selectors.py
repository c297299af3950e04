"""How an element can be named by a selector, and which of its names will live longest.

What is there for programs (data-testid, itemprop, rel, role) outlives classes, and classes outlive positions. A class
that a build tool has made up is no name at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from scraper.proposals.page import Element

MARKED, SEMANTIC, CLASS, PLAIN = 0, 1, 2, 4
"""How far a name can be trusted: less is better."""

_TEST_IDS = ("data-testid", "data-test-id", "data-test", "data-qa", "data-cy", "data-hook", "data-component")
_PASSING = re.compile(
    r"data-(?:v-|react|state|index|key|slot|offset|reactid|focus|radix|headlessui|orientation|theme|src|cfasync|"
    r"no-|color|expo|tooltip|tippy|toggle|placement|popup|event|ga|analytics|track|click|target|dismiss|remote|method|download|small|base62|size|width|height)"
)
_SAFE_VALUE = re.compile(r"[A-Za-z][\w.:/ -]{0,39}")
_IDENTIFIER = re.compile(r"[A-Za-z][\w-]{2,39}")
_VOWEL = re.compile(r"[aeiouy]", re.IGNORECASE)
_UTILITY = re.compile(
    r"(?:[a-z]+:)?-?(?:flex|grid|block|inline|hidden|visible|relative|absolute|sticky|static|fixed|truncate|underline|"
    r"container|row|col|clearfix|pull-left|pull-right|group|italic|bold|uppercase|rounded|border|shadow|active|"
    r"selected|first|last|odd|even|open|closed|unread|read|new|focal|loaded|lazy|link|"
    r"(?:flex|grid|w|h|m|mx|my|mt|mb|ml|mr|p|px|py|pt|pb|z|col|row|rounded|border|group|inline|line|order|table|basis|"
    r"place|list|outline|origin|scale|rotate|translate|animate|fill|stroke|divide|snap|touch|columns|decoration|mask|"
    r"text|font|bg|items|justify|self|space|gap|min|max|overflow|cursor|select|pointer|inset|start|end|top|bottom|"
    r"left|right|leading|tracking|whitespace|break|shrink|grow|ring|transition|duration|ease|opacity|object|aspect|"
    r"sr|no|not|is|has|size|align|float|clear|display|position|md|sm|lg|xl|may|login)-.*)"
)
_TOOLS = re.compile(r"(?:css|sc|jsx|jss|r|tw|x|svelte|emotion|chakra|makeStyles|_ng\w*)[-_]")
_NO_WORD = re.compile(r"[bcdfghjklmnpqrstvwxz]{5}|q(?!u)|[jvwx]{2}")
_PERSON = re.compile(r"(?:/(?:users?|u|profiles?|authors?|members?|people)/|\buser\?id=|/[@~])(?=[\w.%-]+/?$)")
_BROAD_TAGS = frozenset({"div", "span", "html", "body", "head", "svg"})
_MANY_ROLES = frozenset({"link", "button", "img", "presentation", "list", "none", "menu", "region", "heading"})
_SEMANTIC_TAGS = frozenset({"article", "time", "h1", "h2", "h3", "blockquote", "address"})
ITEM_TAGS = frozenset({"article", "li", "tr", "section", "dt"})


@dataclass(frozen=True, slots=True)
class Name:
    """A selector of one element alone, and how far it can be trusted."""

    css: str
    trust: int


def is_generated(name: str) -> bool:
    """Whether a class or id looks made up by a tool, or says how something looks and not what it is."""
    if not _IDENTIFIER.fullmatch(name) or any(character.isdigit() for character in name) or _UTILITY.fullmatch(name):
        return True
    if _TOOLS.match(name) or _NO_WORD.search(name.lower()):
        return True
    return not all(_is_word(part) for part in re.split(r"[-_]+", name) if part)


def _is_word(part: str) -> bool:
    humps = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", part)
    if len(humps) > 4 or (len(humps) > 1 and min(len(hump) for hump in humps) < 2):
        return False
    return len(part) < 3 or bool(_VOWEL.search(part))


def names_of(element: Element) -> tuple[Name, ...]:
    """What an element can be called, the most lasting first; its bare tag comes last."""
    names = [*_marks(element), *_meanings(element)]
    words = [name for name in element.classes if not is_generated(name)][:4]
    tag = "" if element.tag in _BROAD_TAGS else element.tag
    names += [Name(f"{tag}.{word}", CLASS) for word in words]
    if len(words) > 1:
        names += [Name(f".{words[0]}.{word}", CLASS) for word in words[1:3]]
    if element.tag not in _BROAD_TAGS:
        # An element of the site's own has a name with a dash.
        is_telling = element.tag in _SEMANTIC_TAGS or "-" in element.tag
        names.append(Name(element.tag, SEMANTIC if is_telling else PLAIN))
    return tuple(dict.fromkeys(names))


def _marks(element: Element) -> Iterator[Name]:
    attributes, tag = element.attributes, element.tag
    for key in _TEST_IDS:
        value = attributes.get(key, "")
        # A name with somebody's handle in it ends where the handle begins.
        stem = re.match(r"[A-Za-z]+-by-", value)
        if stem or (_SAFE_VALUE.fullmatch(value) and not any(character.isdigit() for character in value)):
            yield Name(f'[{key}^="{stem[0]}"]' if stem else f'[{key}="{value}"]', MARKED)
    for key in ("itemprop", "property"):
        if _SAFE_VALUE.fullmatch(attributes.get(key, "")):
            yield Name(f'[{key}="{attributes[key]}"]', MARKED)
    for word in attributes.get("rel", "").split():
        if word in {"author", "bookmark", "next", "canonical", "permalink"}:
            yield Name(f'{tag}[rel~="{word}"]', MARKED)
    for key in attributes:
        if (
            key.startswith("data-")
            and key not in _TEST_IDS
            and _IDENTIFIER.fullmatch(key)
            and not _PASSING.match(key)
        ):
            trust = MARKED if re.search(r"(?:id|fullname|name|text|type)$", key) else SEMANTIC
            yield Name(f"{'' if tag in {'div', 'span'} else tag}[{key}]", trust)


def _meanings(element: Element) -> Iterator[Name]:
    attributes = element.attributes
    kind = re.search(r"schema\.org(/[A-Za-z]+)$", attributes.get("itemtype", ""))
    if kind:
        yield Name(f'[itemtype$="{kind[1]}"]', SEMANTIC)
    if re.fullmatch(r"[a-z]+", attributes.get("role", "")):
        trust = PLAIN - 1 if attributes["role"] in _MANY_ROLES else SEMANTIC
        yield Name(f'[role="{attributes["role"]}"]', trust)
        if trust != SEMANTIC and element.tag == "div":
            yield Name(f'div[role="{attributes["role"]}"]', SEMANTIC)
    label = attributes.get("aria-label", "")
    if element.tag in {"button", "a"} and re.fullmatch(r"[A-Z][a-z]+", label):
        yield Name(f'{element.tag}[aria-label="{label}"]', SEMANTIC)
    person = _PERSON.search(attributes.get("href", "")) if element.tag == "a" else None
    if person:
        yield Name(f'a[href*="{person[0]}"]', SEMANTIC)
    if "title" in attributes and element.tag in {"span", "abbr", "small", "div"}:
        yield Name(f"{element.tag}[title]", CLASS + 1)
    if element.tag == "time" and "datetime" in attributes:
        yield Name("time[datetime]", SEMANTIC)
    if element.tag == "meta" and _SAFE_VALUE.fullmatch(attributes.get("name", "")):
        yield Name(f'meta[name="{attributes["name"]}"]', MARKED)


@lru_cache(maxsize=4096)
def weight(css: str) -> tuple[int, int]:
    """What a longer selector costs: less is better."""
    return css.count(" "), len(css)


def own_elements(item: Element, others: frozenset[int]) -> Iterator[Element]:
    """The elements in `item` that are not in another item, whose places are `others`; itself first."""
    yield item
    stack = [child for child in reversed(item.children) if isinstance(child, Element)]
    while stack:
        element = stack.pop()
        if element.place in others:
            continue
        yield element
        stack.extend(child for child in reversed(element.children) if isinstance(child, Element))


def first_matches(
    root: Element, others: frozenset[int], *, cached: dict[int, tuple[Name, ...]], most: int = 500
) -> dict[str, tuple[Element, int]]:
    """What each selector that can be thought of finds first in `root`, outside other items, and its trust.

    That is the names of elements, and those after a name of what they are in or of what stands before them.
    """
    found: dict[str, tuple[Element, int]] = {}

    def names(element: Element) -> tuple[Name, ...]:
        if element.place not in cached:
            cached[element.place] = names_of(element)
        return cached[element.place]

    above_root = {name.css for outer in (root, *root.ancestors()) for name in names(outer)}
    for element in islice(own_elements(root, others), 1, most):
        own = names(element)
        for name in own:
            found.setdefault(name.css, (element, name.trust))
        outer: list[Name] = []
        for above in element.ancestors():
            if above is root or len(outer) >= 4:
                break
            outer += [name for name in names(above)[:2] if name.trust < PLAIN and name.css not in above_root]
        for name in own:
            for around in outer:
                found.setdefault(f"{around.css} {name.css}", (element, max(name.trust, around.trust)))
        _after_label(element, found)
    return found


def _after_label(element: Element, found: dict[str, tuple[Element, int]]) -> None:
    """An element right after one whose label is a word, as a count after the button that it is of."""
    parent = element.parent
    if parent is None or not element.attributes.get("aria-label", "")[:1].isdigit():
        return
    beside = [child for child in parent.children if isinstance(child, Element)]
    at = next(place for place, child in enumerate(beside) if child is element)
    label = beside[at - 1].attributes.get("aria-label", "") if at else ""
    if re.fullmatch(r"[A-Z][a-z]+", label):
        css = f'{beside[at - 1].tag}[aria-label="{label}"] + {element.tag}[aria-label]'
        found.setdefault(css, (element, SEMANTIC))
